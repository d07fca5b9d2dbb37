// The word filter of the bench as a worker: it checks the keys, reads the message and answers in the same envelope as the
// other peers. Same logic as examples-hooks/word-filter.

const PATH = '/1.1/functions/_messageReceived';
const IMPOLITE = 'crap';
const REPLACEMENT = '**';
const ADVERTISING = 'cheap watches';
const ADVERTISING_CODE = 9001;

export default {
  async fetch(request, env) {
    const { headers } = request;
    if (headers.get('x-lc-id') !== env.APP_ID || headers.get('x-lc-key') !== env.APP_KEY) {
      return Response.json({ code: 401, error: 'Unauthorized.' }, { status: 401 });
    }
    if (headers.get('x-lc-hook-key') !== env.HOOK_KEY) {
      return Response.json({ code: 401, error: 'Hook key check failed' }, { status: 401 });
    }
    if (request.method !== 'POST' || new URL(request.url).pathname !== PATH) {
      return Response.json({ code: 1, error: 'No such cloud function' }, { status: 404 });
    }
    return Response.json({ result: messageReceived(await request.json()) });
  },
};

function messageReceived({ bin, content }) {
  if (bin) return {};
  const rich = readRich(content);
  const text = rich ? rich._lctext : content;
  if (typeof text !== 'string') return {};
  if (text.includes(ADVERTISING)) return { drop: true, code: ADVERTISING_CODE, detail: 'no advertising here' };
  if (!text.includes(IMPOLITE)) return {};
  const polite = text.replaceAll(IMPOLITE, REPLACEMENT);
  return { content: rich ? JSON.stringify({ ...rich, _lctext: polite }) : polite };
}

/** The members of a rich message; `null` for a plain text. */
function readRich(content) {
  try {
    const value = JSON.parse(content);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
