// The texts of a message as its readers see them. In a rich message, which is JSON, `crap` may be written `cr\u0061p`, and
// stand in an attribute.

'use strict';

/** Of the file in a message, what is not shown. */
const FILE = '_lcfile';
const UNSEEN_OF_A_FILE = ['url', 'objId'];
/** No message needs more. */
const MAX_DEPTH = 127;

/** A content that some clients may show as something else than others: refuse it. */
exports.UnreadableContent = class UnreadableContent extends Error {};

/** The content with each of its texts rewritten; the content itself, to the letter, when no text changes. */
exports.rewriteTexts = function rewriteTexts(content, rewrite) {
  let changed = false;
  const rewriteAndNote = (text) => {
    const rewritten = rewrite(text);
    changed ||= rewritten !== text;
    return rewritten;
  };
  const message = parse(content);
  if (message === undefined) return rewriteAndNote(content);
  const rewritten = rewriteValue(message, rewriteAndNote, MAX_DEPTH);
  return changed ? JSON.stringify(rewritten) : content;
};

/** `undefined` for plain text. */
function parse(content) {
  try {
    return JSON.parse(content);
  } catch {
    // Some clients read what is almost JSON.
    if (/^[\s\p{Cc}\ufeff]*\{/u.test(content)) throw new exports.UnreadableContent();
    return undefined;
  }
}

function rewriteValue(value, rewrite, depth, isFile = false) {
  if (typeof value === 'string') return rewrite(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) throw new exports.UnreadableContent();
  if (Array.isArray(value)) return value.map((item) => rewriteValue(item, rewrite, depth - 1));
  const entries = Object.entries(value).map(([key, item]) => {
    const isUnseen = isFile && UNSEEN_OF_A_FILE.includes(key);
    return [key, isUnseen ? item : rewriteValue(item, rewrite, depth - 1, key === FILE)];
  });
  return Object.fromEntries(entries);
}
