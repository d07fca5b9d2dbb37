// The engine's functions, called over HTTP as a client of the app does.

/** Calls a function; answers the response. */
export function callFunction({ url, app_id, app_key }, name, options = {}) {
  const headers = { 'X-LC-Id': app_id, 'X-LC-Key': app_key };
  return fetch(`${url}/1.1/functions/${name}`, { method: 'POST', headers, ...options });
}

/**
 * Makes the module `every-cause` hold the app's only place for calls (limits `concurrency=1`, `queue=0`). Resolves once it
 * does, with what lets go of it.
 */
export async function occupyTheOnlyPlace(connection) {
  for (;;) {
    const holding = new AbortController();
    let isOver = false;
    const held = callFunction(connection, 'hold', { signal: holding.signal })
      .catch(() => {})
      .then(() => (isOver = true));
    // It is refused itself when it meets a probe: then once more.
    while (!isOver) {
      const probe = await callFunction(connection, 'probe');
      if (!isOver && probe.headers.get('x-hookd-outcome') === 'overloaded') {
        return async () => {
          holding.abort();
          await held;
        };
      }
    }
  }
}
