'use strict';
// The names that hookd itself calls. A name that looks like one and is none is a slip of the pen: the guide has one itself.
const names = [
  '_messageReceived',
  '_messageSent',
  '_messageUpdate',
  '_receiversOffline',
  '_conversationStart',
  '_conversationStarted',
  '_conversationAdd',
  '_conversationAdded',
  '_conversationRemove',
  '_conversationRemoved',
  '_conversationUpdate',
  '_clientOnline',
  '_clientOffline',
  '_rtmClientSign',
  '_eventReceived',
  '_eventSent',
  '_serviceEvent',
];

/** How many letters have to be put in, taken out or changed. */
function distance(left, right) {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let at = 1; at <= left.length; at++) {
    const next = [at];
    for (let to = 1; to <= right.length; to++) {
      next[to] = Math.min(next[to - 1] + 1, row[to] + 1, row[to - 1] + (left[at - 1] === right[to - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[right.length];
}

/** A warning for a name that is nearly that of a hook, or undefined. */
function slip(name) {
  if (!/^_[^_]/.test(name) || names.includes(name) || name.length > 40) return undefined;
  const [nearest] = names
    .map((known) => [distance(name.toLowerCase(), known.toLowerCase()), known])
    .sort(([a], [b]) => a - b);
  if (nearest[0] > 3) return undefined;
  return `\`${name}\` is no hook, and is never called as one: did you mean \`${nearest[1]}\`?`;
}

module.exports = { slip };
