// Takes the words of a list out of messages, and out of their edits.

'use strict';

const AV = require('leanengine');

const { rewriteTexts, UnreadableContent } = require('./content');
const { words } = require('./words');

const UNREADABLE = { drop: true, code: 9002, detail: 'this message cannot be read' };

AV.Cloud.onIMMessageReceived(({ params }) => filtered(params));
// A recall has a content too, but clients do not show it.
AV.Cloud.onIMMessageUpdate(({ params }) => (params.recall ? {} : filtered(params)));

async function filtered({ bin, content }) {
  if (bin) return {};
  const unwanted = await words();
  try {
    const rewritten = rewriteTexts(content, (text) => without(unwanted, text));
    return rewritten === content ? {} : { content: rewritten };
  } catch (error) {
    if (error instanceof UnreadableContent) return UNREADABLE;
    throw error;
  }
}

function without(unwanted, text) {
  return unwanted.reduce((rest, word) => rest.replaceAll(word, '**'), text);
}
