// Clients come and go: by log-in and log-out, by a lost connection, and two at the same time on one tag.

import { connect } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { scene, step } from '../lib/scene.mjs';

const VISITS = 5;

await scene(async (connection) => {
  await step(`tom comes and goes ${VISITS} times`, async () => {
    for (let visit = 0; visit < VISITS; visit += 1) await (await connect(connection, 'tom')).logout();
  });
  await step('jerry comes and goes once', async () => {
    await (await connect(connection, 'jerry')).logout();
  });
  await step('spike loses the connection', async () => {
    const link = await openLink(connection.url);
    const spike = await connect(connection, 'spike', { url: link.url });
    link.cut();
    await spike.inbox.next('disconnect');
  });
  await step('tyke is displaced by a second device', async () => {
    const phone = await connect(connection, 'tyke', { tag: 'mobile' });
    const tablet = await connect(connection, 'tyke', { tag: 'mobile' });
    await phone.inbox.next('conflict');
    await tablet.logout();
  });
});
