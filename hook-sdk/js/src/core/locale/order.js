'use strict';
// The order of texts, as near to Unicode's as it gets without its tables: blanks and signs, digits, letters with all their accents
// beside the plain ones, then everything else by its code.

const kind = (character) =>
  /\s/.test(character) ? 0 : /[\p{P}\p{S}]/u.test(character) ? 1 : /\p{N}/u.test(character) ? 2 : 3;
const isPlain = (text) => /^[\x20-\x7e]*$/.test(text);
// Signs in the order of Unicode's table.
const signs = '_-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$';

function weight(character) {
  const at = signs.indexOf(character);
  return kind(character) * 0x200000 + (at < 0 ? character.codePointAt(0) : at);
}

function compareBy(key, one, other) {
  const [a, b] = [[...key(one)], [...key(other)]];
  for (let at = 0; at < a.length && at < b.length; at++) {
    const difference = weight(a[at]) - weight(b[at]);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(a.length - b.length);
}

const letters = (text) =>
  isPlain(text)
    ? text.toLowerCase()
    : text
        .normalize('NFD')
        .replace(/\p{Mn}/gu, '')
        .toLowerCase();
const marks = (text) => (isPlain(text) ? '' : text.normalize('NFD').replace(/\P{Mn}/gu, ''));
// Small letters come first.
const cases = (text) => text.replace(/./gsu, (character) => (character === character.toLowerCase() ? 'a' : 'b'));

/** -1, 0 or 1. */
module.exports = function compare(one, other, { sensitivity = 'variant', numeric = false } = {}) {
  if (one === other) return 0;
  const key = numeric
    ? (text) => letters(text).replace(/\d+/g, (digits) => digits.replace(/^0+(?=\d)/, '').padStart(20, '0'))
    : letters;
  const byLetters = compareBy(key, one, other);
  if (byLetters !== 0 || sensitivity === 'base') return byLetters;
  if (sensitivity !== 'case') {
    const byMarks = compareBy(marks, one, other);
    if (byMarks !== 0 || sensitivity === 'accent') return byMarks;
  }
  return compareBy(cases, one, other);
};
