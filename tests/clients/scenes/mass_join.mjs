// The examples with a notice for the operators: sent when more than ten members come into a conversation at once.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { connect } from '../lib/device.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { ask, scene, step } from '../lib/scene.mjs';
import { bodyOf, listening } from '../lib/scripted_engine.mjs';

await scene(async (connection) => {
  const service = await openService();
  await ask('variable', `NOTICE_URL=${service.url}/mass-join`);
  await ask('settings', `--allow-host ${new URL(service.url).host} --notification-retry 10ms`);
  const tom = await connect(connection, 'tom');
  const group = await tom.createGroup(['jerry', 'spike']);
  const crowd = (name, size) => Array.from({ length: size }, (_, number) => `${name}-${number}`);

  await step('operators are told of eleven new members, and not of ten', async () => {
    await group.add(crowd('few', 10));
    await group.add(crowd('many', 11));
    assert.deepEqual(await service.next(), { conversation: group.id, by: 'tom', members: 11 });
  });
  await step('a notice that the service refuses comes again', async () => {
    service.refuses = 1;
    await group.add(crowd('more', 12));
    const notice = { conversation: group.id, by: 'tom', members: 12 };
    assert.deepEqual([await service.next(), await service.next()], [notice, notice]);
  });
});

/** A service that takes notices. */
async function openService() {
  const notices = new Inbox('the service');
  const service = { refuses: 0, next: async () => (await notices.next('notice')).notice };
  const server = createServer(async (request, response) => {
    const notice = JSON.parse(await bodyOf(request));
    response.statusCode = service.refuses > 0 ? 503 : 204;
    service.refuses = Math.max(0, service.refuses - 1);
    response.end();
    notices.file({ kind: 'notice', notice });
  });
  service.url = await listening(server);
  return service;
}
