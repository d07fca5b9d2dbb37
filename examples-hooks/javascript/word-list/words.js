// The list of words: a service keeps it, LeanCache has a copy.

'use strict';

const Redis = require('ioredis');

const COPY = 'word-list';
/** The service is asked again after this. */
const COPY_SECONDS = 300;
/** The sender waits meanwhile. */
const PATIENCE_MS = 2_000;

const redis = new Redis(process.env.REDIS_URL_cache);
redis.on('error', (error) => console.error('LeanCache:', error));

/** The words, from LeanCache or else from the service. Rejects without both: nothing may pass unread. */
exports.words = async function words() {
  const copy = await redis.get(COPY);
  if (copy !== null) return JSON.parse(copy);
  const list = await ask(process.env.WORD_LIST_URL);
  await redis.set(COPY, JSON.stringify(list), 'EX', COPY_SECONDS);
  return list;
};

async function ask(url) {
  if (!url) throw new Error('WORD_LIST_URL is not set; `hookd env set WORD_LIST_URL=…` sets it');
  const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`the service of the word list answered ${answer.status}`);
  const list = await answer.json();
  // The empty word is in every text.
  return list.filter((word) => typeof word === 'string' && word !== '');
}
