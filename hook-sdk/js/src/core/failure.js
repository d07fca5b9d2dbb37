'use strict';
// What the caller sees of a thrown value, and what of it is logged.
const host = require('./host');
const { stackOf, firstLine } = require('./stack');

/** A property of anything; a getter that throws gives nothing. */
function read(value, name) {
  try {
    return value[name];
  } catch {
    return undefined;
  }
}

function isError(value) {
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
  } catch {
    return false;
  }
}

function asText(value) {
  try {
    if (typeof value === 'string') return value;
    if (value !== null && typeof value === 'object') return JSON.stringify(value) ?? String(value);
    return String(value);
  } catch {
    return '';
  }
}

function codeOf(value) {
  const code = Number(value);
  return typeof value !== 'boolean' && value !== null && value !== '' && Number.isInteger(code) && code === (code | 0)
    ? code
    : 1;
}

function statusOf(value, otherwise) {
  const status = Number(value);
  return Number.isInteger(status) && status >= 100 && status <= 599 ? status : otherwise;
}

function messageOf(value) {
  if (value === undefined || value === null || value === '') return 'unknown error';
  if (typeof value !== 'object' && typeof value !== 'function') return asText(value) || 'unknown error';
  const message = read(value, 'message') || read(value, 'responseText');
  return (message ? asText(message) : isError(value) ? '' : asText(value)) || 'unknown error';
}

/** Code, status and message of anything that a handler threw. */
function failureOf(value) {
  const message = messageOf(value);
  if (!isError(value)) {
    const isObject = value !== null && typeof value === 'object';
    return { code: isObject ? codeOf(read(value, 'code')) : 1, status: 400, message };
  }
  const status = statusOf(read(value, 'status') ?? read(value, 'statusCode'), 500);
  return { code: codeOf(read(value, 'code')), status, message };
}

/** Logs a failure of the server's own; a client's is an answer like any other. */
function record(name, value, { status }) {
  if (!isError(value)) return;
  const isClients = read(value, 'name') === 'CloudError';
  if (isClients && status !== 500 && !read(value, 'printToLog')) return;
  const text = isClients && status !== 500 && !read(value, 'printFullStack') ? firstLine(value) : stackOf(value);
  host.log('error', `LeanEngine: /${name}: ${status}: ${text}`);
}

module.exports = { failureOf, record, messageOf, isError, read };
