// The server is killed while clients are online: one comes back by itself, one never does, and one had left before.

import { connect } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const jerry = await connect(connection, 'jerry');
  const link = await openLink(connection.url);
  const spike = await connect(connection, 'spike', { url: link.url, tag: 'mobile' });
  await step('tom leaves in good time', async () => (await connect(connection, 'tom')).logout());

  await step('the server is killed', async () => {
    await ask('kill');
    await Promise.all([jerry.inbox.next('disconnect'), spike.inbox.next('disconnect')]);
    link.cut();
  });
  await step('it starts again, and jerry is back', async () => {
    const back = jerry.inbox.next('reconnect', undefined, 30_000);
    await ask('start');
    await back;
  });
  await step('and leaves', () => jerry.logout());
});
