'use strict';
// Dates, numbers and the order of texts, beside those of Node, which has the tables of Unicode.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { handler } = require('./harness');

const module_ = handler('return new Function(`return ${request.params.expression}`)()');
const normal = (value) => JSON.parse((JSON.stringify(value) ?? 'null').replace(/\u202f/g, ' '));

async function same(expression) {
  assert.deepEqual(
    normal(await module_.call('f', { expression })),
    normal(new Function(`return ${expression}`)()),
    expression,
  );
}

const options = (fields) => JSON.stringify({ timeZone: 'Asia/Shanghai', ...fields });

test('dates are written in all combinations of their parts', async () => {
  for (const locale of ['en-US', 'zh-CN'])
    for (const weekday of [undefined, 'short', 'long'])
      for (const month of [undefined, 'numeric', '2-digit', 'short', 'long'])
        for (const year of [undefined, 'numeric', '2-digit'])
          for (const time of [
            {},
            { hour: 'numeric', minute: '2-digit' },
            { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
          ]) {
            if (weekday && !month) continue;
            const day = month && 'numeric';
            await same(
              `new Date(1790000000000).toLocaleString('${locale}', ${options({ weekday, month, year, day, ...time })})`,
            );
          }
});

test('times are written around midnight and noon, by both clocks', async () => {
  const moments = [0, 5, 11, 12, 13, 23].map((hour) => Date.UTC(2026, 0, 31, hour, 5, 9));
  for (const at of moments)
    for (const locale of ['en-US', 'zh-CN'])
      for (const fields of [
        {},
        { hour12: true },
        { hour12: false },
        { hour: 'numeric' },
        { hour: '2-digit', minute: '2-digit' },
        { minute: '2-digit', second: '2-digit' },
        { timeStyle: 'short' },
        { timeStyle: 'medium' },
      ])
        await same(`new Date(${at}).toLocaleTimeString('${locale}', ${options(fields)})`);
});

test('clocks change where there is summer time', async () => {
  for (const timeZone of ['America/New_York', 'America/Los_Angeles', 'Europe/London', 'Europe/Berlin', 'Europe/Athens'])
    for (const year of [2008, 2024, 2027])
      for (let day = 0; day < 365; day += 1)
        for (const hour of day % 50 === 0 ? [0, 1, 6, 9, 10] : [])
          await same(
            `new Date(Date.UTC(${year}, 0, ${day + 1}, ${hour})).toLocaleString('en-US', { timeZone: '${timeZone}', hourCycle: 'h23' })`,
          );
  // The hours around the changes of 2024.
  const changes = {
    'America/New_York': [
      [2, 10, 7],
      [10, 3, 6],
    ],
    'Europe/Berlin': [
      [2, 31, 1],
      [9, 27, 1],
    ],
  };
  for (const [timeZone, days] of Object.entries(changes))
    for (const [month, day, hour] of days)
      for (const off of [-1, 0])
        await same(
          `new Date(Date.UTC(2024, ${month}, ${day}, ${hour}) + ${off}).toLocaleString('sv-SE', { timeZone: '${timeZone}' })`,
        );
});

test('other forms of dates', async () => {
  const at = 'new Date(1700000000000)';
  for (const expression of [
    `${at}.toLocaleString('en-US', { timeZone: 'UTC' })`,
    `${at}.toLocaleString('zh-CN', { timeZone: 'Asia/Shanghai', hour12: false })`,
    `${at}.toLocaleDateString('zh-CN', { timeZone: 'UTC' })`,
    `${at}.toLocaleTimeString('en-US', { timeZone: 'asia/tokyo' })`,
    'new Date(NaN).toLocaleString()',
    ...['full', 'long', 'medium', 'short'].flatMap((dateStyle) =>
      ['en-US', 'zh-CN'].map((locale) => `${at}.toLocaleDateString('${locale}', ${options({ dateStyle })})`),
    ),
    `${at}.toLocaleString('en-US', ${options({ dateStyle: 'long', timeStyle: 'short' })})`,
    `${at}.toLocaleString('zh-CN', ${options({ dateStyle: 'full', timeStyle: 'medium' })})`,
    `new Intl.DateTimeFormat('zh-CN', ${options()}).format(${at})`,
    `Intl.DateTimeFormat('en-US', ${options({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })}).formatToParts(${at})`,
    `new Intl.DateTimeFormat('en-US', ${options()}).resolvedOptions().timeZone`,
    `${at}.toLocaleDateString('zh-CN', ${options({ month: 'long' })})`,
    `${at}.toLocaleDateString('en-US', ${options({ weekday: 'long' })})`,
    `new Date(0).toUTCString()`,
    ...['en-US', 'zh-CN', 'sv-SE'].flatMap((locale) => [
      `${at}.toLocaleString('${locale}', ${options({ timeZoneName: 'short' })})`,
      `${at}.toLocaleTimeString('${locale}', { timeZone: 'Asia/Kolkata', timeZoneName: 'short' })`,
      `${at}.toLocaleDateString('${locale}', { timeZone: 'UTC', timeZoneName: 'short' })`,
    ]),
    ...['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'].map(
      (method) => `${at}.${method}('sv-SE', ${options()})`,
    ),
    `${at}.toLocaleDateString('sv-SE', ${options({ year: 'numeric', month: '2-digit' })})`,
    `${at}.toLocaleString('en-US', ${options({ era: 'short', hour12: false, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' })})`,
  ])
    await same(expression);
  assert.equal(
    await module_.call('f', { expression: 'new Date(0).toString()' }),
    'Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)',
  );
});

test('numbers', async () => {
  for (const expression of [
    '(1234567.891).toLocaleString()',
    '(-1234.5).toLocaleString()',
    '(0.5).toLocaleString()',
    "(12).toLocaleString('en-US', { minimumFractionDigits: 2 })",
    '(1234.5678).toLocaleString(undefined, { maximumFractionDigits: 1 })',
    "(0.256).toLocaleString('en-US', { style: 'percent' })",
    '123456789n.toLocaleString()',
    'NaN.toLocaleString()',
    '[1234.5, 2].toLocaleString()',
    "(1234.5).toLocaleString('zh-CN', { style: 'currency', currency: 'CNY' })",
    "(-3).toLocaleString('en-US', { style: 'currency', currency: 'USD' })",
    "new Intl.NumberFormat('en-US', { style: 'currency', currency: 'JPY' }).format(1234.5)",
    "new Intl.NumberFormat('en-US', { minimumIntegerDigits: 2, useGrouping: false }).format(7)",
  ])
    await same(expression);
});

test('the order of texts', async () => {
  const words = [
    'b',
    'a',
    'C',
    'ä',
    'A',
    'B',
    '1',
    '10',
    '2',
    '_',
    '-',
    ' ',
    'é',
    'z',
    'Z',
    'résumé',
    'resume',
    'Resume',
    'ab',
    'a b',
    '中',
    '',
    '#1',
  ];
  await same(`${JSON.stringify(words)}.sort((one, other) => one.localeCompare(other))`);
  await same(`${JSON.stringify(words)}.sort(new Intl.Collator().compare)`);
  await same(`['a10', 'a9', 'a1'].sort((one, other) => one.localeCompare(other, undefined, { numeric: true }))`);
  await same(
    `['a'.localeCompare('A', 'en', { sensitivity: 'base' }), 'a'.localeCompare('á', 'en', { sensitivity: 'accent' })]`,
  );
});

test('what cannot be written right is an error', async () => {
  const failures = [
    ["new Date(0).toLocaleString('en-US', { timeZone: 'Europe/Berlin' })", /since 1997$/],
    [
      "new Date(0).toLocaleString('en-US', { timeZone: 'Africa/Cairo' })",
      /^Invalid time zone specified: Africa\/Cairo \(the sandbox has UTC/,
    ],
    ["new Date(0).toLocaleString('en-US', { fractionalSecondDigits: 3 })", /`fractionalSecondDigits`/],
    ["new Date(0).toLocaleString('en-GB')", /en-US, zh-CN and sv-SE, not for en-GB$/],
    ["new Date(0).toLocaleDateString('sv-SE', { month: 'long' })", /in English and Chinese only/],
    ["(1.5).toLocaleString('de-DE')", /not for de-DE$/],
    ["(1e6).toLocaleString('en-US', { notation: 'compact' })", /`notation`/],
    ["new Intl.NumberFormat('en-US', { style: 'currency' })", /^Currency code is required/],
  ];
  for (const [expression, message] of failures)
    assert.match((await module_.failure('f', { expression })).message, message);
});
