'use strict';
// Errors as Node makes them: with a code, and with the code in their text where inspect shows it.

/** An error of class `Base` with Node's `code`. */
function coded(code, message, Base = Error, extra) {
  const error = new Base(message);
  error.code = code;
  return extra ? Object.assign(error, extra) : error;
}

/** The error of a function that a sandbox cannot have. */
function unsupported(text) {
  return coded('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', text);
}

function invalidArgument(name, expected, value) {
  const { inspect } = require('./inspect');
  const received =
    value === null || value === undefined
      ? String(value)
      : typeof value === 'function'
        ? `function ${value.name}`
        : typeof value === 'object'
          ? value.constructor?.name
            ? `an instance of ${value.constructor.name}`
            : inspect(value, { depth: -1 })
          : `type ${typeof value} (${inspect(value).slice(0, 28)})`;
  const article = /^(an?|one|of) /.test(expected) ? '' : 'of type ';
  return coded(
    'ERR_INVALID_ARG_TYPE',
    `The "${name}" argument must be ${article}${expected}. Received ${received}`,
    TypeError,
  );
}

module.exports = { coded, unsupported, invalidArgument };
