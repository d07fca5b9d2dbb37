// A LeanEngine app whose hooks answer what a scene sets: the engine's side of the HTTP contract, and nothing else.

import { createServer } from 'node:http';

import { Inbox } from './inbox.mjs';

/**
 * Starts the engine on a free port.
 *
 * @returns {Promise<ScriptedEngine>}
 */
export async function openScriptedEngine() {
  const engine = new ScriptedEngine();
  engine.url = await listening(createServer((request, response) => engine.serve(request, response)));
  return engine;
}

export class ScriptedEngine {
  /** By hook: a reply, or a function from the params to it. A hook without one does not exist; one with an `Error` fails. */
  replies = new Map();

  /** Hooks that were called, in order. */
  called = [];

  #calls = new Inbox('the engine');

  /** The params of the next call of a hook, come or to come. */
  async next(hook) {
    return (await this.#calls.next(hook)).params;
  }

  async serve(request, response) {
    const hook = request.url.split('/').pop();
    const body = await bodyOf(request);
    response.setHeader('Content-Type', 'application/json');
    if (hook === 'metadatas') return response.end(JSON.stringify({ result: [...this.replies.keys()] }));
    // Before the IM core has the list of hooks it asks for all of them.
    if (!this.replies.has(hook)) return failed(response, 404);
    const params = JSON.parse(body);
    const reply = this.replies.get(hook);
    const result = typeof reply === 'function' ? await reply(params) : reply;
    this.called.push(hook);
    this.#calls.file({ kind: hook, params });
    return result instanceof Error ? failed(response, 500) : response.end(JSON.stringify({ result: result ?? null }));
  }
}

function failed(response, status) {
  response.statusCode = status;
  response.end(JSON.stringify({ code: 1, error: 'as scripted' }));
}

/** The address of a server on a free port. It does not keep the process alive. */
export async function listening(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

/** The whole body of a request, as text. */
export async function bodyOf(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  return body;
}
