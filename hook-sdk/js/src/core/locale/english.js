'use strict';
// Dates and times in American English.
const months = 'January February March April May June July August September October November December'.split(' ');
const weekdays = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

const isText = (form) => form === 'long' || form === 'short';

function date({ weekday, year, month, day, era }, parts) {
  const pieces = [];
  const put = (piece, before) => {
    if (!piece) return;
    if (pieces.length) pieces.push(['literal', before]);
    pieces.push(piece);
  };
  if (!month) {
    for (const piece of [year, era, day, weekday]) put(piece, ' ');
    return pieces;
  }
  const isWritten = isText(parts.month);
  put(weekday, '');
  put(month, ', ');
  put(day, isWritten ? ' ' : '/');
  put(year, isWritten ? (day ? ', ' : ' ') : '/');
  put(era, ' ');
  return pieces;
}

module.exports = {
  month: (number, form) => (form === 'long' ? months[number - 1] : months[number - 1].slice(0, 3)),
  weekday: (day, form) => (form === 'long' ? weekdays[day] : weekdays[day].slice(0, 3)),
  era: (isOurs) => (isOurs ? 'AD' : 'BC'),
  date,
  halves: 'h12',
  whole: 'h24',
  usual: 'h12',
  padsWholeHours: () => true,
  withHalf: (pieces, isMorning) => [...pieces, ['literal', ' '], ['dayPeriod', isMorning ? 'AM' : 'PM']],
  glue(parts, { dateStyle }) {
    if (parts.weekday && !parts.month && !parts.year && !parts.day) return ' ';
    return (dateStyle ? ['full', 'long'].includes(dateStyle) : parts.month === 'long') ? ' at ' : ', ';
  },
  joined: (dates, times, zone, glue) => {
    if (!times.length && zone) return [...dates, ['literal', glue], zone];
    return [
      ...dates,
      ...(dates.length && times.length ? [['literal', glue]] : []),
      ...times,
      ...(zone ? [['literal', ' '], zone] : []),
    ];
  },
};
