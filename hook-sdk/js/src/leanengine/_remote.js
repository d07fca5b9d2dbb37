'use strict';
// AV.Cloud.run with `remote: true`: over HTTP, to the address that the app's variables name.
const CloudError = require('./_error');
const { refuse } = require('./_refusal');

async function run(route, name, params, options) {
  const { env } = process;
  const server = env.LEANCLOUD_API_SERVER ?? env.LC_API_SERVER;
  if (!server) {
    return refuse(
      `AV.Cloud.run('${name}', …, { remote: true })`,
      'the variable LEANCLOUD_API_SERVER names no address to ask; call the function without `remote`, or set the variable',
    );
  }
  const headers = {
    'content-type': 'application/json',
    'x-lc-id': env.LEANCLOUD_APP_ID ?? '',
    'x-lc-key': env.LEANCLOUD_APP_MASTER_KEY ? `${env.LEANCLOUD_APP_MASTER_KEY},master` : (env.LEANCLOUD_APP_KEY ?? ''),
    'x-lc-prod': env.LEANCLOUD_APP_ENV === 'stage' ? '0' : '1',
  };
  const session = options.sessionToken ?? options.user?.getSessionToken?.();
  if (session) headers['x-lc-session'] = session;
  const response = await fetch(`${server.replace(/\/$/, '')}/1.1/${route}/${encodeURIComponent(name)}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(params ?? {}),
  });
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new CloudError(`the answer is no JSON: ${text.slice(0, 200)}`, { status: 502, code: 1 });
  }
  if (!response.ok)
    throw new CloudError(answer.error ?? `status ${response.status}`, { status: response.status, code: answer.code });
  return answer.result;
}

module.exports = { run };
