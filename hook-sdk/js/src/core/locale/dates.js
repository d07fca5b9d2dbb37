'use strict';
// Dates and times as Node writes them.
const { zoneOf, offsetAt } = require('./zones');

const languages = { en: require('./english'), zh: require('./chinese'), sv: require('./swedish') };
/** What is written as a language does it; other regions have other orders. */
const regions = { en: /^en(-US)?$/, zh: /^zh(-Hans)?(-CN)?$/, sv: /^sv(-SE)?$/ };

const ofDate = ['weekday', 'era', 'year', 'month', 'day'];
const ofTime = ['hour', 'minute', 'second'];
const numeric = (names) => Object.fromEntries(names.map((name) => [name, 'numeric']));
const dateStyles = {
  full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  long: { year: 'numeric', month: 'long', day: 'numeric' },
  medium: { year: 'numeric', month: 'short', day: 'numeric' },
  short: { year: '2-digit', month: 'numeric', day: 'numeric' },
};
const timeStyles = { medium: numeric(ofTime), short: numeric(['hour', 'minute']) };
const notOffered = ['dayPeriod', 'fractionalSecondDigits', 'calendar', 'numberingSystem'];

const two = (number) => String(number).padStart(2, '0');
const isText = (form) => form === 'long' || form === 'short';

function languageOf(locale) {
  const [name] = Object.entries(regions).find(([, region]) => region.test(locale)) ?? [];
  if (name === undefined)
    throw new RangeError(`the sandbox writes dates for en-US, zh-CN and sv-SE, not for ${locale}`);
  return languages[name];
}

/** Which parts are written: `needed` and `defaults` are 'date', 'time', 'any' or 'all', as in the standard. */
function partsOf(options, needed, defaults, language) {
  const refused = notOffered.find((name) => options[name] !== undefined);
  if (refused) throw new RangeError(`the sandbox cannot write \`${refused}\` of a date; write it in the hook`);
  if (options.dateStyle !== undefined || options.timeStyle !== undefined) return partsOfStyles(options, language);
  const zone = options.timeZoneName === undefined ? {} : { timeZoneName: zoneForm(options.timeZoneName) };
  const asked = [...ofDate, ...ofTime].filter((name) => options[name] !== undefined);
  const given = Object.fromEntries(asked.map((name) => [name, options[name]]));
  if (asked.includes('weekday') || isText(given.month)) formOf(given);
  const has = (names) => names.some((name) => name !== 'era' && name in given);
  const isEnough = (needed !== 'time' && has(ofDate)) || (needed !== 'date' && has(ofTime));
  if (isEnough) return { ...given, ...zone };
  return {
    ...(defaults === 'time' ? {} : numeric(['year', 'month', 'day'])),
    ...(defaults === 'date' ? {} : numeric(ofTime)),
    ...given,
    ...zone,
  };
}

function formOf({ weekday, month }) {
  if (weekday === 'narrow' || month === 'narrow')
    throw new RangeError('the sandbox writes names of months and days long and short');
}

function zoneForm(form) {
  if (form !== 'short' && form !== 'shortOffset')
    throw new RangeError('the sandbox writes names of zones short, such as GMT+8');
  return form;
}

function partsOfStyles({ dateStyle, timeStyle }, language) {
  const isKnown = (style, styles) => style === undefined || style in styles;
  if (!isKnown(dateStyle, dateStyles) || !isKnown(timeStyle, timeStyles))
    throw new RangeError('the sandbox writes dates in full, long, medium and short, and times in medium and short');
  const shortYear = dateStyle === 'short' && language.shortYear ? { year: language.shortYear } : {};
  return { ...dateStyles[dateStyle], ...shortYear, ...timeStyles[timeStyle] };
}

function datePieces(date, parts, language) {
  const { weekday, era, year, month, day } = parts;
  const number = (value, form) => (form === '2-digit' || language.pads ? two(value) : String(value));
  const isAlone = [year, month, day].filter(Boolean).length === 1;
  const [fullYear, months] = [date.getUTCFullYear(), date.getUTCMonth() + 1];
  const shownMonth = () => (isText(month) ? language.month(months, month, isAlone) : number(months, month));
  const pieces = {
    weekday: weekday && ['weekday', language.weekday(date.getUTCDay(), weekday)],
    era: era && ['era', language.era?.(fullYear > 0)],
    year: year && ['year', year === '2-digit' ? two(fullYear % 100) : String(fullYear)],
    month: month && ['month', shownMonth()],
    day: day && ['day', number(date.getUTCDate(), day)],
  };
  return language.date(pieces, parts);
}

function cycleOf({ hour12, hourCycle }, language) {
  if (hour12 === true) return language.halves;
  if (hour12 === false) return language.whole;
  return hourCycle ?? language.usual;
}

function hourOf(hours, cycle) {
  if (cycle === 'h23') return hours;
  if (cycle === 'h24') return hours || 24;
  return cycle === 'h11' ? hours % 12 : hours % 12 || 12;
}

function timePieces(date, parts, options, language) {
  const { hour, minute, second } = parts;
  const cycle = cycleOf(options, language);
  const isHalf = cycle === 'h11' || cycle === 'h12';
  const pieces = [];
  if (hour) {
    const isPadded = hour === '2-digit' || (!isHalf && !parts.timeZoneName && language.padsWholeHours(parts, options));
    const shown = hourOf(date.getUTCHours(), cycle);
    pieces.push(['hour', isPadded ? two(shown) : String(shown)]);
  }
  const put = (type, number, isAlone) => {
    if (pieces.length) pieces.push(['literal', ':']);
    pieces.push([type, isAlone ? String(number) : two(number)]);
  };
  if (minute) put('minute', date.getUTCMinutes(), !hour && !second);
  if (second) put('second', date.getUTCSeconds(), !hour && !minute);
  if (hour && !minute && language.hourAlone) pieces.push(['literal', language.hourAlone]);
  return hour && isHalf ? language.withHalf(pieces, date.getUTCHours() < 12) : pieces;
}

function nameOfZone(name, offset) {
  if (/UTC$/.test(name)) return 'UTC';
  if (offset === 0) return 'GMT';
  const [hours, minutes] = [Math.trunc(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `GMT${offset < 0 ? '-' : '+'}${hours}${minutes ? `:${two(minutes)}` : ''}`;
}

/** A writer of dates: `pieces(date)` gives [type, text] of each part. */
module.exports = function dateWriter(locale, options, needed, defaults) {
  const language = languageOf(locale);
  const zone = zoneOf(options.timeZone);
  const parts = partsOf(options, needed, defaults, language);
  const pieces = (given) => {
    const offset = offsetAt(zone, given.getTime());
    const date = new Date(given.getTime() + offset * 60_000);
    const zoneName = parts.timeZoneName && ['timeZoneName', nameOfZone(zone.name, offset)];
    const [dates, times] = [datePieces(date, parts, language), timePieces(date, parts, options, language)];
    return language.joined(dates, times, zoneName, language.glue(parts, options));
  };
  const write = (date) =>
    pieces(date)
      .map(([, text]) => text)
      .join('');
  return { zone, parts, cycle: parts.hour && cycleOf(options, language), pieces, write };
};
