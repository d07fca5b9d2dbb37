'use strict';
// One call is one record of the log, as Node formats it.
const log = require('./log');
const { formatWithOptions, inspect } = require('./inspect');
const { quickFormat } = require('./quick-format');
const { stackOf } = require('./stack');
const host = require('./host');

const plain = { colors: false };

function text(values) {
  // What is printed most, without the formatter.
  if (values.length === 1 && typeof values[0] === 'string') return values[0];
  return quickFormat(values) ?? formatWithOptions(plain, ...values);
}

/** The methods of a console that writes with `write(level, text)`. */
function methods(write) {
  let indent = '';
  const counts = new Map();
  const starts = new Map();
  const say = (level, values) => {
    const line = text(values);
    write(level, indent === '' ? line : indent + line.replace(/\n/g, `\n${indent}`));
  };
  const elapsed = (label) => {
    const milliseconds = host.monotonicNow() - starts.get(label);
    return milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(3)}s` : `${Number(milliseconds.toFixed(3))}ms`;
  };
  const warn = (message) => say('warn', [message]);
  const self = {
    log: (...values) => say('info', values),
    info: (...values) => say('info', values),
    debug: (...values) => say('debug', values),
    warn: (...values) => say('warn', values),
    error: (...values) => say('error', values),
    trace(...values) {
      const error = new Error(text(values));
      error.name = 'Trace';
      say('error', [stackOf(error).replace(/^Error/, 'Trace')]);
    },
    dir: (value, options) => say('info', [inspect(value, { customInspect: false, ...plain, ...options })]),
    dirxml: (...values) => say('info', values),
    assert(condition, ...values) {
      if (condition) return;
      if (typeof values[0] === 'string') values[0] = `Assertion failed: ${values[0]}`;
      else values.unshift('Assertion failed');
      say('warn', values);
    },
    count(label = 'default') {
      label = `${label}`;
      const count = (counts.get(label) ?? 0) + 1;
      counts.set(label, count);
      say('info', [`${label}: ${count}`]);
    },
    countReset(label = 'default') {
      if (!counts.delete(`${label}`)) warn(`Warning: Count for '${label}' does not exist`);
    },
    group(...values) {
      if (values.length > 0) say('info', values);
      indent += '  ';
    },
    groupEnd() {
      indent = indent.slice(0, -2);
    },
    time(label = 'default') {
      label = `${label}`;
      if (starts.has(label)) return warn(`Warning: Label '${label}' already exists for console.time()`);
      starts.set(label, host.monotonicNow());
    },
    timeLog(label = 'default', ...values) {
      label = `${label}`;
      if (!starts.has(label)) return warn(`Warning: No such label '${label}' for console.timeLog()`);
      say('info', [`${label}: ${elapsed(label)}`, ...values]);
    },
    timeEnd(label = 'default') {
      label = `${label}`;
      if (!starts.has(label)) return warn(`Warning: No such label '${label}' for console.timeEnd()`);
      say('info', [`${label}: ${elapsed(label)}`]);
      starts.delete(label);
    },
    table: (data, columns) => say('info', [require('./builtins').load('internal:table')(data, columns)]),
  };
  self.groupCollapsed = self.group;
  for (const name of ['profile', 'profileEnd', 'timeStamp']) self[name] = () => {};
  return self;
}

const levels = { info: 'info', debug: 'info', warn: 'error', error: 'error' };

/** `new console.Console(stdout, stderr)`. */
class Console {
  constructor(stdout, stderr) {
    const options = stdout?.write ? { stdout, stderr } : stdout;
    Object.assign(
      this,
      methods((level, line) => {
        const stream = levels[level] === 'error' ? (options.stderr ?? options.stdout) : options.stdout;
        stream.write(`${line}\n`);
      }),
    );
  }
}

const ours = Object.create({}, { [Symbol.toStringTag]: { value: 'console', configurable: true } });
Object.assign(
  ours,
  methods((level, line) => log[level](line)),
  { Console, context: () => ours },
);

module.exports = ours;
