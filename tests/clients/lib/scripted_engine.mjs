// A LeanEngine app whose hooks answer what a scene sets: the engine's side of the HTTP contract, and nothing else.

import { createServer } from 'node:http';

/**
 * Starts the engine on a free port.
 *
 * @returns {Promise<{url: string, replies: Map<string, object | ((params: object) => object)>, calls: {hook: string, params: object}[]}>}
 *   `replies`: by hook; a hook without one does not exist. `calls`: so far.
 */
export async function openScriptedEngine() {
  const [replies, calls] = [new Map(), []];
  const server = createServer(async (request, response) => {
    const hook = request.url.split('/').pop();
    const body = await bodyOf(request);
    const answer = (result) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ result }));
    };
    if (hook === 'metadatas') return answer([...replies.keys()]);
    // Before the IM core has the list of hooks it asks for all of them.
    if (!replies.has(hook)) return notFound(response);
    const params = JSON.parse(body);
    calls.push({ hook, params });
    const reply = replies.get(hook);
    answer((await (typeof reply === 'function' ? reply(params) : reply)) ?? null);
  });
  return { url: await listening(server), replies, calls };
}

function notFound(response) {
  response.statusCode = 404;
  response.end(JSON.stringify({ code: 404, error: 'no such function' }));
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
