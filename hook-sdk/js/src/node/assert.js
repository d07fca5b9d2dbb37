'use strict';
const { inspect } = require('util');
const { deepEqual, deepStrictEqual } = require('internal:equal');
const { coded, invalidArgument } = require('internal:errors');

class AssertionError extends Error {
  constructor({ message, actual, expected, operator, stackStartFn }) {
    super(message ?? describe(actual, expected, operator));
    this.name = 'AssertionError';
    this.code = 'ERR_ASSERTION';
    this.generatedMessage = message === undefined;
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
    Error.captureStackTrace?.(this, stackStartFn);
  }
}

const texts = {
  strictEqual: 'Expected values to be strictly equal:',
  deepStrictEqual: 'Expected values to be strictly deep-equal:',
  deepEqual: 'Expected values to be loosely deep-equal:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
};

function describe(actual, expected, operator) {
  const shown = inspect(actual);
  if (operator?.startsWith('not')) return `${texts[operator] ?? operator} ${inspect(expected)}`;
  if (texts[operator]) return `${texts[operator]}\n\n${shown} !== ${inspect(expected)}\n`;
  return `${shown} ${operator} ${inspect(expected)}`;
}

function fail(message, given) {
  if (given.message instanceof Error) throw given.message;
  throw new AssertionError(given);
}

/** An assertion of two values. */
function compare(operator, holds, shown = operator) {
  return function check(actual, expected, message) {
    if (arguments.length < 2)
      throw coded('ERR_MISSING_ARGS', 'The "actual" and "expected" arguments must be specified', TypeError);
    if (!holds(actual, expected)) fail(message, { message, actual, expected, operator: shown, stackStartFn: check });
  };
}

function assert(value, message) {
  if (value) return;
  fail(message, {
    message:
      message ??
      (arguments.length === 0
        ? 'No value argument passed to `assert.ok()`'
        : 'The expression evaluated to a falsy value'),
    actual: value,
    expected: true,
    operator: '==',
    stackStartFn: assert,
  });
}

/** Whether what was thrown is what was expected. */
function matches(error, expected, message) {
  if (expected === undefined) return;
  if (expected instanceof RegExp) {
    if (!expected.test(String(error))) {
      fail(message, {
        message:
          message ??
          `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(String(error))}\n`,
        actual: error,
        expected,
        operator: 'throws',
      });
    }
    return;
  }
  if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof expected) return;
    if (Error.isPrototypeOf(expected)) throw error;
    if (expected.call({}, error) !== true) {
      fail(message, {
        message: message ?? 'The validation function is expected to return "true".',
        actual: error,
        expected,
        operator: 'throws',
      });
    }
    return;
  }
  if (expected === null || typeof expected !== 'object')
    throw invalidArgument('expected', 'of type function or an instance of Error, RegExp, or Object', expected);
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push('name', 'message');
  for (const key of keys) {
    const wanted = expected[key];
    const isMatch =
      wanted instanceof RegExp && typeof error[key] === 'string'
        ? wanted.test(error[key])
        : deepStrictEqual(error[key], wanted);
    if (!isMatch)
      fail(message, {
        message: message ?? `${key}: ${describe(error[key], wanted, 'deepStrictEqual')}`,
        actual: error,
        expected,
        operator: 'throws',
      });
  }
}

function missing(message, operator) {
  const text = operator === 'rejects' ? 'Missing expected rejection' : 'Missing expected exception';
  fail(message, { message: typeof message === 'string' ? `${text}: ${message}` : `${text}.`, operator });
}

function throws(work, expected, message) {
  if (typeof work !== 'function') throw invalidArgument('fn', 'function', work);
  if (typeof expected === 'string') [expected, message] = [undefined, expected];
  let thrown;
  try {
    work();
  } catch (error) {
    thrown = { error };
  }
  if (!thrown) missing(message, 'throws');
  matches(thrown.error, expected, message);
}

async function settled(work) {
  try {
    await (typeof work === 'function' ? work() : work);
    return undefined;
  } catch (error) {
    return { error };
  }
}

function unwanted(error, message) {
  throw new AssertionError({
    message: `Got unwanted exception${typeof message === 'string' ? `: ${message}` : '.'}\nActual message: "${error?.message}"`,
    actual: error,
    operator: 'doesNotThrow',
  });
}

Object.assign(assert, {
  AssertionError,
  ok: assert,
  equal: compare('==', (a, b) => a == b || (a !== a && b !== b)),
  notEqual: compare('!=', (a, b) => a != b && !(a !== a && b !== b)),
  strictEqual: compare('strictEqual', Object.is),
  notStrictEqual: compare('notStrictEqual', (a, b) => !Object.is(a, b)),
  deepEqual: compare('deepEqual', deepEqual),
  notDeepEqual: compare('notDeepEqual', (a, b) => !deepEqual(a, b)),
  deepStrictEqual: compare('deepStrictEqual', deepStrictEqual),
  notDeepStrictEqual: compare('notDeepStrictEqual', (a, b) => !deepStrictEqual(a, b)),
  match: compare('match', (text, pattern) => typeof text === 'string' && pattern.test(text)),
  doesNotMatch: compare('doesNotMatch', (text, pattern) => typeof text !== 'string' || !pattern.test(text)),
  throws,
  doesNotThrow(work, expected, message) {
    try {
      work();
    } catch (error) {
      unwanted(error, message ?? expected);
    }
  },
  async rejects(work, expected, message) {
    if (typeof expected === 'string') [expected, message] = [undefined, expected];
    const thrown = await settled(work);
    if (!thrown) missing(message, 'rejects');
    matches(thrown.error, expected, message);
  },
  async doesNotReject(work, expected, message) {
    const thrown = await settled(work);
    if (thrown) unwanted(thrown.error, message ?? expected);
  },
  ifError(value) {
    if (value !== null && value !== undefined) {
      throw new AssertionError({
        message: `ifError got unwanted exception: ${value?.message ?? inspect(value)}`,
        actual: value,
        expected: null,
        operator: 'ifError',
      });
    }
  },
  fail(message = 'Failed') {
    if (message instanceof Error) throw message;
    throw new AssertionError({ message, operator: 'fail', stackStartFn: assert.fail });
  },
});
assert.strict = Object.assign((...values) => assert(...values), assert, {
  equal: assert.strictEqual,
  notEqual: assert.notStrictEqual,
  deepEqual: assert.deepStrictEqual,
  notDeepEqual: assert.notDeepStrictEqual,
});
assert.strict.strict = assert.strict;

module.exports = assert;
