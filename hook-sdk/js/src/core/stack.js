'use strict';
// Traces as Node words them: a first line with name and text, places in the users' own files, and in TypeScript files the
// places of the original.
const host = require('./host');
const wrapper = require('./wrapper');

const ownScript = (() => {
  const previous = Error.prepareStackTrace;
  let name;
  Error.prepareStackTrace = (_, sites) => {
    name = sites[0]?.getFileName();
    completeSites(Object.getPrototypeOf(sites[0]));
    return '';
  };
  void new Error().stack;
  Error.prepareStackTrace = previous;
  return name;
})();

/** Gives call sites the methods of V8's that packages ask for and the engine has not. */
function completeSites(prototype) {
  const more = {
    getThis: () => undefined,
    getTypeName: () => null,
    getMethodName: () => null,
    getEvalOrigin: () => undefined,
    getScriptNameOrSourceURL() {
      return this.getFileName();
    },
    getPromiseIndex: () => null,
    isEval: () => false,
    isToplevel: () => true,
    isAsync: () => false,
    isPromiseAll: () => false,
    toString() {
      return frame(this);
    },
  };
  for (const [key, value] of Object.entries(more)) {
    if (!Object.hasOwn(prototype, key))
      Object.defineProperty(prototype, key, { value, writable: true, configurable: true });
  }
}

const maps = new Map();

function mapOf(file) {
  let map = maps.get(file);
  if (map === undefined) {
    map = null;
    try {
      const text = host.moduleSource(file)?.map;
      if (text) {
        const { TraceMap } = require('./builtins').load('internal:trace-mapping');
        map = new TraceMap(text);
      }
    } catch {
      // A map that cannot be read leaves the places as they are.
    }
    maps.set(file, map);
  }
  return map;
}

/** The place in the original file. Lines and columns count from one. */
function original(file, line, column) {
  if (line === 1 && column > wrapper.before.length) column -= wrapper.before.length;
  const map = file.startsWith('/app/') ? mapOf(file) : null;
  if (map) {
    const { originalPositionFor } = require('./builtins').load('internal:trace-mapping');
    const found = originalPositionFor(map, { line, column: Math.max(0, column - 1) });
    if (found.line !== null) {
      const source = found.source?.startsWith('/') ? found.source : file;
      return { file: source, line: found.line, column: found.column + 1 };
    }
  }
  return { file, line, column };
}

function isInternal(file) {
  return (
    !file ||
    file === ownScript ||
    file.startsWith('node:') ||
    file.startsWith('internal:') ||
    file === 'native' ||
    file.startsWith('<')
  );
}

/** One line of a trace, without its indentation. */
function frame(site) {
  const file = site.getFileName?.();
  const name = site.getFunctionName?.();
  if (!file) return name ? `${name} (<anonymous>)` : '<anonymous>';
  const at = original(file, site.getLineNumber?.() ?? 0, site.getColumnNumber?.() ?? 0);
  const place = `${at.file}:${at.line}:${at.column}`;
  return name && name !== '<anonymous>' && name !== '<eval>' && name !== 'anonymous' ? `${name} (${place})` : place;
}

function firstLine(error) {
  try {
    const name = error.name === undefined ? 'Error' : String(error.name);
    const message = error.message === undefined ? '' : String(error.message);
    return !message ? name : !name ? message : `${name}: ${message}`;
  } catch {
    return 'Error';
  }
}

function traceOf(error, sites) {
  let shown = sites.filter((site) => !isInternal(site.getFileName?.()));
  if (shown.length === 0) shown = sites.filter((site) => site.getFileName?.() !== ownScript);
  let trace = firstLine(error);
  for (const site of shown) trace += `\n    at ${frame(site)}`;
  return trace;
}

const place = /^\s*at (?:.*?\()?(\/app\/[^\s()]+?):(\d+)(?::(\d+))?\)?$/m;

/** File and line of the first of the users' own frames. */
function placeOf(error) {
  try {
    const found = place.exec(String(error.stack));
    return found ? { file: found[1], line: Number(found[2]) } : {};
  } catch {
    return {};
  }
}

/** The whole trace of anything that was thrown, with a first line. Never throws. */
function stackOf(error) {
  let stack;
  try {
    stack = error.stack;
  } catch {
    return firstLine(error);
  }
  if (typeof stack !== 'string' || stack === '') return firstLine(error);
  // The engine's own traces, as of syntax errors, have no first line.
  if (/^\s*at /.test(stack)) {
    const lines = stack
      .trimEnd()
      .split('\n')
      .filter((line) => !line.includes(`(${ownScript}:`));
    return [firstLine(error), ...lines.map(mapLine)].join('\n');
  }
  return stack;
}

function mapLine(line) {
  return line.replace(/(\/app\/[^\s()]+?):(\d+)(?::(\d+))?(?=\)?$)/, (whole, file, row, column) => {
    const at = original(file, Number(row), Number(column ?? 1));
    return `${at.file}:${at.line}:${at.column}`;
  });
}

function install() {
  // Assigned, since the engine reads it behind an accessor.
  Error.prepareStackTrace = traceOf;
  if (Error.stackTraceLimit === undefined) Error.stackTraceLimit = 10;
}

module.exports = { install, stackOf, placeOf, firstLine, traceOf };
