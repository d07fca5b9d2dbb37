'use strict';
// console.table, with the frames that Node draws.
const { inspect, stripVTControlCharacters } = require('util');

const shown = (value) =>
  inspect(value, {
    maxArrayLength: 3,
    breakLength: Infinity,
    depth:
      value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 2 ? -1 : 0,
  });

/** How wide a text is on a screen; letters of East Asia take two places. */
function width(text) {
  let columns = 0;
  for (const sign of stripVTControlCharacters(text))
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u.test(
        sign,
      )
        ? 2
        : 1;
  return columns;
}

function draw(head, rows) {
  const widths = head.map((name, column) => Math.max(width(name), ...rows.map((row) => width(row[column] ?? ''))) + 2);
  const rule = (left, middle, right) => left + widths.map((one) => '─'.repeat(one)).join(middle) + right;
  const line = (cells) =>
    `│${widths.map((one, column) => ` ${cells[column] ?? ''}${' '.repeat(one - 1 - width(cells[column] ?? ''))}`).join('│')}│`;
  return [rule('┌', '┬', '┐'), line(head), rule('├', '┼', '┤'), ...rows.map(line), rule('└', '┴', '┘')].join('\n');
}

module.exports = function table(data, columns) {
  if (data === null || typeof data !== 'object') return typeof data === 'string' ? data : inspect(data);
  const isKeyed = data instanceof Map;
  const isListed = data instanceof Set;
  const entries = isKeyed || isListed ? [...data].map((entry, index) => [index, entry]) : Object.entries(data);
  const names = new Map();
  let hasValues = false;
  const rows = entries.map(([index, entry]) => {
    const [key, value] = isKeyed ? entry : [undefined, entry];
    const cells = new Map();
    if (value !== null && typeof value === 'object') {
      for (const name of columns ?? Object.keys(value)) {
        if (!names.has(name)) names.set(name, true);
        if (Object.hasOwn(value, name)) cells.set(name, shown(value[name]));
      }
      return { index, key, cells, value: '' };
    }
    hasValues = true;
    return { index, key, cells, value: shown(value) };
  });
  const head = [
    isKeyed || isListed ? '(iteration index)' : '(index)',
    ...(isKeyed ? ['Key'] : []),
    ...names.keys(),
    ...(hasValues ? ['Values'] : []),
  ];
  return draw(
    head,
    rows.map(({ index, key, cells, value }) => [
      String(index),
      ...(isKeyed ? [shown(key)] : []),
      ...[...names.keys()].map((name) => cells.get(name) ?? ''),
      ...(hasValues ? [value] : []),
    ]),
  );
};
