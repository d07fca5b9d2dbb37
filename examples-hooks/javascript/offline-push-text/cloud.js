// What the lock screen of an offline receiver shows: who wrote, and the beginning of the text.

'use strict';

const AV = require('leanengine');

const MOST_CHARACTERS = 20;
/** What stands for messages without a text, by their type. */
const KINDS = { '-2': '[image]', '-3': '[audio]', '-4': '[video]', '-5': '[location]', '-6': '[file]' };

AV.Cloud.onIMReceiversOffline(({ params: { fromPeer, content } }) => ({
  pushMessage: JSON.stringify({
    alert: `${fromPeer}: ${shown(content)}`,
    badge: 'Increment',
    sound: 'default',
    // Which certificate of Apple's the gateway uses.
    _profile: process.env.PUSH_PROFILE ?? 'prod',
  }),
}));

function shown(content) {
  const message = parsed(content);
  const text = String(message?._lctext || (KINDS[message?._lctype] ?? content));
  // By characters: half an emoji cannot be shown.
  const characters = [...text];
  return characters.length > MOST_CHARACTERS ? `${characters.slice(0, MOST_CHARACTERS - 1).join('')}…` : text;
}

function parsed(content) {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
