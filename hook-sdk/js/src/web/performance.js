'use strict';
const host = require('internal:host');

const start = host.monotonicNow();
let origin;
const marks = new Map();
const performance = {
  /** Of the instance: what was before the snapshot is another time. */
  get timeOrigin() {
    return host.preparing() ? Date.now() : (origin ??= Date.now() - performance.now());
  },
  now: () => host.monotonicNow() - start,
  mark(name) {
    const entry = { name, entryType: 'mark', startTime: performance.now(), duration: 0 };
    marks.set(name, entry);
    return entry;
  },
  measure(name, from, to) {
    const begin = marks.get(from)?.startTime ?? 0;
    const end = marks.get(to)?.startTime ?? performance.now();
    return { name, entryType: 'measure', startTime: begin, duration: end - begin };
  },
  clearMarks: (name) => (name === undefined ? marks.clear() : void marks.delete(name)),
  clearMeasures() {},
  getEntries: () => [...marks.values()],
  getEntriesByName: (name) => (marks.has(name) ? [marks.get(name)] : []),
  getEntriesByType: (type) => (type === 'mark' ? [...marks.values()] : []),
  eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }),
  timerify: (call) => call,
  toJSON: () => ({ timeOrigin: performance.timeOrigin }),
};

module.exports = { performance };
