'use strict';
// Dates in Swedish, as far as they are numbers: hooks ask for them to get the form of ISO 8601.
const english = require('./english');

function numbersOnly() {
  throw new RangeError('the sandbox writes names of months and days in English and Chinese only');
}

module.exports = {
  ...english,
  month: numbersOnly,
  weekday: numbersOnly,
  era: numbersOnly,
  date({ year, month, day }) {
    const sign = year ? '-' : '/';
    const order = year ? [year, month, day] : [day, month];
    return order.filter(Boolean).flatMap((piece, at) => (at ? [['literal', sign], piece] : [piece]));
  },
  pads: true,
  shortYear: 'numeric',
  whole: 'h23',
  usual: 'h23',
  withHalf: numbersOnly,
  glue: () => ' ',
};
