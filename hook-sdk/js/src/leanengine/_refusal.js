'use strict';

const NOT_OFFERED = 119;

/** The error of what this SDK has in name only. */
function refusal(what, why) {
  return Object.assign(new Error(`${what}: ${why}`), { code: NOT_OFFERED });
}

/** The same as a promise: callers attach handlers for both outcomes. */
function refuse(what, why) {
  return Promise.reject(refusal(what, why));
}

module.exports = { refuse, refusal };
