'use strict';
// What an `app.js` puts into its web framework. Pages are not served here: each lets a request pass as it is.

/** For express and connect, and for both versions of koa: whichever calls it. */
function pass(request, response, next) {
  if (typeof next === 'function') return next();
  return typeof response === 'function' ? response() : undefined;
}

const koa = () => async (_, next) => next();

/** koa 1 takes generators. */
const koa1 = () =>
  function* (next) {
    yield next;
  };

const express = () =>
  Object.assign((request, response, next) => pass(request, response, next), { attach() {}, on() {} });

const either = (options) => (options?.framework === 'koa' ? koa1() : options?.framework === 'koa2' ? koa() : express());

module.exports = {
  hosting: { express, koa: koa1, koa2: koa, Koa: koa },
  sessions: { CookieSession: either, HttpsRedirect: either, LeanCloudHeaders: either, httpsRedirect: either },
};
