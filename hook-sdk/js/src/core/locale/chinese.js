'use strict';
// Dates and times in the Chinese of the mainland.
const digits = '日一二三四五六七八九十';

const isText = (form) => form === 'long' || form === 'short';
const named = (piece, sign) => (piece ? [piece, ['literal', sign]] : []);

function date({ weekday, year, month, day }, parts) {
  const isAlone = [year, month, day].filter(Boolean).length === 1;
  if (isAlone && month && parts.month === 'long') return [month, ...(weekday ? [weekday] : [])];
  const isWritten =
    isAlone ||
    isText(parts.month) ||
    (year && month && day && parts.weekday === 'long') ||
    (year && parts.month === '2-digit' && !day);
  const pieces = isWritten
    ? [...named(year, '年'), ...named(month, '月'), ...named(day, '日')]
    : [year, month, day].filter(Boolean).flatMap((piece, at) => (at ? [['literal', '/'], piece] : [piece]));
  if (weekday && isAlone) pieces.push(['literal', ' ']);
  return weekday ? [...pieces, weekday] : pieces;
}

module.exports = {
  month(number, form, isAlone) {
    if (form !== 'long' || !isAlone) return String(number);
    return `${number <= 10 ? digits[number] : `十${digits[number - 10]}`}月`;
  },
  weekday: (day, form) => `${form === 'long' ? '星期' : '周'}${digits[day]}`,
  date,
  shortYear: 'numeric',
  halves: 'h11',
  whole: 'h23',
  usual: 'h23',
  hourAlone: '时',
  padsWholeHours: ({ second }, { timeStyle }) => second !== undefined || timeStyle !== undefined,
  withHalf: (pieces, isMorning) => [['dayPeriod', isMorning ? '上午' : '下午'], ...pieces],
  glue: (parts) => (parts.weekday && !parts.month && !parts.year && !parts.day ? '' : ' '),
  joined(dates, times, zone, glue) {
    const middle = zone
      ? [...(dates.length ? [['literal', ' ']] : []), zone, ...(times.length ? [['literal', ' ']] : [])]
      : [];
    return [...dates, ...(middle.length ? middle : dates.length && times.length ? [['literal', glue]] : []), ...times];
  },
};
