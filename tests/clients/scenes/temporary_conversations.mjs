// Temporary conversations: making, finding, messages, what cannot be done to them, and their end.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

/** Numbers of the protocol. */
const CONV = 1;
const DIRECT = 2;
const LOGS = 6;
const COUNT = 43;
const ADD = 2;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk });
  const spike = await connect(connection, 'spike', { sdk });
  const create = (device, members, ttl) => device.client.createTemporaryConversation({ members, ttl });

  const chat = await step('tom makes one, and its members are informed', async () => {
    const made = await create(tom, ['jerry'], 3600);
    assert.ok(made instanceof tom.sdk.TemporaryConversation);
    assert.match(made.id, /^_tmp:[0-9a-f]{24}$/);
    const lifeLeft = made.expiredAt - Date.now();
    assert.ok(lifeLeft > 3_500_000 && lifeLeft <= 3_600_000, `${lifeLeft}`);
    assert.equal((await jerry.inbox.next('invited', ({ conversationId }) => conversationId === made.id)).by, 'tom');
    return made;
  });
  const ofJerry = await step('it is found by its id, and not by a query', async () => {
    const found = await jerry.conversation(chat.id);
    assert.ok(found instanceof jerry.sdk.TemporaryConversation);
    assert.deepEqual([...found.members].sort(), ['jerry', 'tom']);
    assert.deepEqual(await tom.client.getQuery().find(), []);
    assert.deepEqual(await tom.client.getQuery().equalTo('objectId', chat.id).find(), []);
    assert.equal(await tom.conversation('_tmp:000000000000000000000000'), null);
    return found;
  });
  await step('messages go both ways, and are in the history', async () => {
    await tom.send(chat, 'now?');
    await jerry.nextMessage('now?');
    await jerry.send(ofJerry, 'now!');
    await tom.nextMessage('now!');
    assert.deepEqual(await historyTexts(ofJerry), ['now?', 'now!']);
    assert.equal(await chat.count(), 2);
  });
  await step('the newest client gets the same one for the same members, the old one a new one', async () => {
    const again = await create(jerry, ['tom'], 60);
    assert.equal(again.id === chat.id, sdk !== '4.3.1');
    const stored = await tom.client.createConversation({ members: ['jerry'], unique: true });
    assert.match(stored.id, /^[0-9a-f]{24}$/);
  });
  await step('more than ten members are too many', async () => {
    const members = Array.from({ length: 10 }, (_, number) => `member ${number}`);
    assert.equal((await rejection(create(tom, members))).code, 4304);
    await create(tom, members.slice(1));
  });
  await step('members are fixed', async () => {
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'butch');
    const joining = await socket.request({ cmd: CONV, op: ADD, convMessage: { cid: chat.id, m: ['butch'] } });
    assert.equal(joining.errorMessage.code, 4314);
    socket.close();
    assert.equal((await rejection((await spike.conversation(chat.id)).send(new spike.sdk.TextMessage('me')))).code, 4401);
  });
  await step('when its life is over it is not there any more', async () => {
    const short = await create(tom, ['jerry', 'spike'], 1);
    await tom.send(short, 'quick');
    await jerry.nextMessage('quick');
    // Until then it is there: the server's clock decides.
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'tom');
    const counted = () => socket.request({ cmd: CONV, op: COUNT, convMessage: { cid: short.id } });
    let reply = await counted();
    while (!reply.errorMessage) reply = await counted();
    assert.equal(reply.errorMessage.code, 4303);
    const logs = await socket.request({ cmd: LOGS, logsMessage: { cid: short.id } });
    assert.equal(logs.errorMessage.code, 4303);
    const direct = await socket.request({ cmd: DIRECT, directMessage: { cid: short.id, msg: 'late' } });
    assert.equal(direct.errorMessage.code, 4303);
    socket.close();
    const error = await rejection(tom.send(short, 'too late'));
    assert.equal(error.code, 4323, error.stack);
    const stranger = await connect(connection, 'stranger', { sdk: '4.3.1' });
    assert.equal(await stranger.conversation(short.id), null);
    await tom.send(chat, 'this one lives');
    await jerry.nextMessage('this one lives');
  });
});
