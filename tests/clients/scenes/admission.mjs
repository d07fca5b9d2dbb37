// Who may log in at all: banned clients, an app that is off, and pages of browsers.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const tom = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk });
  const group = await tom.createGroup(['jerry']);
  await jerry.inbox.next('invited');
  const atJerrys = await jerry.conversation(group.id);

  await step('a banned client is put out, and the others go on', async () => {
    await ask('ban', 'tom');
    const { payload } = await tom.inbox.next('close');
    assert.deepEqual([Number(payload.code), payload.reason], [4106, 'BLACKLISTED']);
    await jerry.send(atJerrys, 'where are you');
  });
  await step('a banned client cannot log in', async () => {
    const { code, message } = await rejection(connect(connection, 'tom', { sdk }));
    assert.deepEqual([code, message], [4106, 'BLACKLISTED']);
  });
  await step('after its ban it is there again, and still a member', async () => {
    await ask('unban', 'tom');
    const back = await connect(connection, 'tom', { sdk });
    assert.deepEqual(await historyTexts(await back.conversation(group.id)), ['where are you']);
    await back.logout();
  });

  await step('an app that is off closes its sockets and lets no client in', async () => {
    const raw = await openRawSocket(connection.url);
    await raw.login(connection.app_id, 'spike');
    await ask('switch', 'off');
    assert.equal((await raw.closed()).code, 4100);
    assert.equal((await rejection(connect(connection, 'spike', { sdk }))).code, 4100);
  });
  await step('switched on, it is as before', async () => {
    await ask('switch', 'on');
    const back = await connect(connection, 'jerry', { sdk });
    assert.deepEqual(await historyTexts(await back.conversation(group.id)), ['where are you']);
  });

  await step('pages of browsers that are not on the list are kept out', async () => {
    await ask('allow', 'https://chat.example.org,http://localhost:8080');
    for (const origin of ['https://evil.example.org', 'null']) {
      const page = await openRawSocket(connection.url, undefined, origin);
      const reply = await page.open({ appId: connection.app_id, peerId: 'spike' });
      assert.equal(reply.errorMessage.code, 4110);
      assert.equal((await page.closed()).code, 4110);
    }
    const page = await openRawSocket(connection.url, undefined, 'http://localhost:8080');
    await page.login(connection.app_id, 'spike');
    await (await connect(connection, 'tyke', { sdk })).logout();
  });
  await step('without a list all pages are let in', async () => {
    await ask('allow', 'any');
    const page = await openRawSocket(connection.url, undefined, 'https://evil.example.org');
    await page.login(connection.app_id, 'spike');
  });
});
