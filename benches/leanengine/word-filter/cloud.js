// The word filter of the bench as LeanEngine code: `leanengine` and hookd run this same file. Same logic as
// examples-hooks/word-filter.

'use strict';

const AV = require('leanengine');

const IMPOLITE = 'crap';
const REPLACEMENT = '**';
const ADVERTISING = 'cheap watches';
const ADVERTISING_CODE = 9001;

AV.Cloud.onIMMessageReceived(async ({ params: { bin, content } }) => {
  if (bin) return {};
  const rich = readRich(content);
  const text = rich ? rich._lctext : content;
  if (typeof text !== 'string') return {};
  if (text.includes(ADVERTISING)) return { drop: true, code: ADVERTISING_CODE, detail: 'no advertising here' };
  if (!text.includes(IMPOLITE)) return {};
  const polite = text.replaceAll(IMPOLITE, REPLACEMENT);
  return { content: rich ? JSON.stringify({ ...rich, _lctext: polite }) : polite };
});

/** The members of a rich message; `null` for a plain text. */
function readRich(content) {
  try {
    const value = JSON.parse(content);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
