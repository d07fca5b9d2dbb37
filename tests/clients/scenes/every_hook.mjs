// Each hook through the real client: its exact params, each value that it may return, a failure under each policy; and at the
// end, that no hook was called where it must not be (S-86 … S-98).

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';
import { openScriptedEngine } from '../lib/scripted_engine.mjs';

const BLOCKING = [
  '_messageReceived',
  '_messageUpdate',
  '_conversationStart',
  '_conversationAdd',
  '_conversationRemove',
  '_conversationUpdate',
];
const NOTIFICATIONS = [
  '_messageSent',
  '_conversationStarted',
  '_conversationAdded',
  '_conversationRemoved',
  '_clientOnline',
  '_clientOffline',
];

const ADDRESS = '127.0.0.1';

await scene(async (connection) => {
  const engine = await openScriptedEngine();
  for (const hook of [...BLOCKING, ...NOTIFICATIONS, '_receiversOffline']) engine.replies.set(hook, {});
  await ask('settings', `--engine-url ${engine.url} --message-edit on --message-recall on`);
  const expected = [];
  /** The params of the next call of a hook, which is one of those that are to come. */
  const next = (hook) => (expected.push(hook), engine.next(hook));
  const replied = async (hook, reply, act) => {
    engine.replies.set(hook, reply);
    try {
      return await act();
    } finally {
      engine.replies.set(hook, {});
    }
  };

  const [tom, jerry] = await step('_clientOnline: exactly its params', async () => {
    const tom = await connect(connection, 'tom', { tag: 'desk' });
    assert.deepEqual(await next('_clientOnline'), { peerId: 'tom', sourceIP: ADDRESS, tag: 'desk', reconnect: 0 });
    const jerry = await connect(connection, 'jerry');
    await next('_clientOnline');
    return [tom, jerry];
  });
  const refused = { reject: true, code: 9890, detail: 'not today' };
  const isRefused = async (request, code) => {
    const error = await rejection(request);
    assert.deepEqual([error.code, error.appCode, error.detail], [code, 9890, 'not today']);
  };

  const group = await step('_conversationStart and _conversationStarted', async () => {
    const create = () => tom.createGroup(['jerry'], { name: 'Planning', colour: 'red' });
    await replied('_conversationStart', refused, () => isRefused(create(), 4305));
    const params = { initBy: 'tom', members: ['jerry', 'tom'], attr: { name: 'Planning', colour: 'red' } };
    assert.deepEqual(await next('_conversationStart'), params);
    const group = await create();
    assert.deepEqual(await next('_conversationStart'), params);
    assert.deepEqual(await next('_conversationStarted'), { convId: group.id });
    await jerry.inbox.next('invited');
    return group;
  });
  const ofJerry = await jerry.conversation(group.id);

  await step('_conversationAdd and _conversationAdded', async () => {
    await replied('_conversationAdd', refused, () => isRefused(group.add(['spike']), 4305));
    const params = { initBy: 'tom', members: ['spike'], convId: group.id };
    assert.deepEqual(await next('_conversationAdd'), params);
    await group.add(['spike']);
    assert.deepEqual(await next('_conversationAdd'), params);
    assert.deepEqual(await next('_conversationAdded'), params);
  });
  await step('_conversationRemove and _conversationRemoved; who leaves is not asked about', async () => {
    await replied('_conversationRemove', refused, () => isRefused(group.remove(['spike']), 4305));
    const params = { initBy: 'tom', members: ['spike'], convId: group.id };
    assert.deepEqual(await next('_conversationRemove'), params);
    await group.remove(['spike']);
    assert.deepEqual(await next('_conversationRemove'), params);
    assert.deepEqual(await next('_conversationRemoved'), params);
    await ofJerry.quit();
    const left = { initBy: 'jerry', members: ['jerry'], convId: group.id };
    assert.deepEqual(await next('_conversationRemoved'), left);
    await ofJerry.join();
    assert.deepEqual(await next('_conversationAdd'), left);
    assert.deepEqual(await next('_conversationAdded'), left);
  });
  await step('_conversationUpdate of attributes and of mutes', async () => {
    const save = (name) => {
      group.name = name;
      return group.save();
    };
    await replied('_conversationUpdate', refused, () => isRefused(save('Refused'), 4305));
    assert.deepEqual(await next('_conversationUpdate'), {
      initBy: 'tom',
      convId: group.id,
      attr: { name: 'Refused' },
    });
    await replied('_conversationUpdate', { attr: { name: 'By the hook' }, mute: true }, () => save('Asked for'));
    await next('_conversationUpdate');
    const row = async () => {
      const [found] = await tom.client.getQuery().equalTo('objectId', group.id).find();
      return [found.name, found.muted];
    };
    assert.deepEqual(await row(), ['By the hook', false]);
    await group.mute();
    assert.deepEqual(await next('_conversationUpdate'), { initBy: 'tom', convId: group.id, mute: true });
    await replied('_conversationUpdate', { mute: true, attr: { name: 'Thrown away' } }, () => group.unmute());
    await next('_conversationUpdate');
    assert.deepEqual(await row(), ['By the hook', true]);
  });

  await step('_messageReceived and _messageSent', async () => {
    const sent = await tom.send(group, 'hi', { receipt: true });
    const { timestamp, content, ...received } = await next('_messageReceived');
    assert.deepEqual(JSON.parse(content), { _lctype: -1, _lctext: 'hi' });
    assert.ok(timestamp <= Number(sent.timestamp));
    const common = { fromPeer: 'tom', convId: group.id, transient: false, bin: false, receipt: true, sourceIP: ADDRESS };
    assert.deepEqual(received, { ...common, toPeers: ['jerry'], system: null, groupId: null });
    const { content: sentContent, ...told } = await next('_messageSent');
    assert.equal(sentContent, content);
    assert.deepEqual(told, {
      ...common,
      msgId: sent.id,
      onlinePeers: ['jerry'],
      offlinePeers: [],
      timestamp: Number(sent.timestamp),
    });
    await jerry.nextMessage('hi');
  });
  const text = (words) => JSON.stringify({ _lctype: -1, _lctext: words });
  await step('_messageReceived: drop, in each form of truth', async () => {
    for (const drop of [true, 1, 'yes', {}]) {
      const reply = { drop, code: 9890, detail: 'not today' };
      await replied('_messageReceived', reply, () => isRefused(tom.send(group, 'dropped'), 4402));
      await next('_messageReceived');
    }
    assert.deepEqual(await historyTexts(ofJerry), ['hi']);
  });
  await step('_messageReceived: content, code and detail, bin, toPeers', async () => {
    await replied('_messageReceived', { drop: 0, content: text('better'), code: 7, detail: 'mended' }, () =>
      tom.send(group, 'worse'),
    );
    await next('_messageReceived');
    await next('_messageSent');
    await jerry.nextMessage('better');
    const { message, reason } = await tom.inbox.next('messageupdate');
    assert.deepEqual([message.text, reason], ['better', { code: 7, detail: 'mended' }]);
    await replied('_messageReceived', { content: 'AP8=', bin: true }, () => tom.send(group, 'text'));
    await next('_messageReceived');
    assert.equal((await next('_messageSent')).bin, true);
    assert.deepEqual((await jerry.nextMessage()).text, [0, 255]);
    await tom.inbox.next('messageupdate');
    await replied('_messageReceived', { toPeers: [] }, () => tom.send(group, 'for nobody'));
    await next('_messageReceived');
    assert.deepEqual((await next('_messageSent')).onlinePeers, []);
    await tom.send(group, 'for all');
    await next('_messageReceived');
    await next('_messageSent');
    assert.equal((await jerry.nextMessage()).text, 'for all');
  });
  await step('_messageUpdate: drop, content, toPeers; a recall keeps its content', async () => {
    const sent = await tom.send(group, 'first');
    await next('_messageReceived');
    await next('_messageSent');
    await jerry.nextMessage('first');
    const edit = (words) => group.update(sent, new tom.sdk.TextMessage(words));
    const reply = { drop: true, code: 9890, detail: 'not today' };
    await replied('_messageUpdate', reply, () => isRefused(edit('refused'), 4405));
    const { content, ...params } = await next('_messageUpdate');
    assert.deepEqual(JSON.parse(content), JSON.parse(text('refused')));
    assert.deepEqual(params, {
      fromPeer: 'tom',
      convId: group.id,
      toPeers: ['jerry'],
      bin: false,
      timestamp: Number(sent.timestamp),
      msgId: sent.id,
      sourceIP: ADDRESS,
      recall: false,
      system: null,
    });
    const edited = await replied('_messageUpdate', { content: text('by the hook') }, () => edit('second'));
    await next('_messageUpdate');
    assert.equal((await jerry.inbox.next('messageupdate')).text, 'by the hook');
    await replied('_messageUpdate', { content: text('ignored'), toPeers: ['jerry'] }, () => group.recall(edited));
    assert.equal((await next('_messageUpdate')).recall, true);
    await jerry.inbox.next('messagerecall');
  });

  await step('a failure lets go on, or stops, as the policy says', async () => {
    const attempts = {
      _messageReceived: [() => tom.send(group, 'policy'), 4200, ['_messageSent']],
      _conversationStart: [() => tom.createGroup(['jerry']), 4300, ['_conversationStarted']],
      _conversationAdd: [() => group.add(['butch']), 4300, ['_conversationAdded']],
      // Only a member is asked about: butch came with the policy `ignore`, and went with it.
      _conversationRemove: [
        (policy) => group.remove([policy === 'ignore' ? 'butch' : 'jerry']),
        4300,
        ['_conversationRemoved'],
      ],
      _conversationUpdate: [() => group.mute(), 4300, []],
    };
    for (const policy of ['ignore', 'abort']) {
      await ask('settings', `--on-hook-failure ${policy}`);
      for (const [hook, [act, code, follow]] of Object.entries(attempts)) {
        await replied(hook, new Error(), async () => {
          if (policy === 'ignore') return act(policy);
          const error = await rejection(act(policy));
          assert.deepEqual([error.code, error.appCode ?? undefined], [code, undefined], hook);
          assert.match(error.detail, /^hook call failed/);
        });
        await next(hook);
        if (policy === 'ignore') for (const later of follow) await next(later);
      }
    }
  });
  await step('_clientOffline: exactly its params', async () => {
    await tom.logout();
    const { closeMsg, ...params } = await next('_clientOffline');
    assert.deepEqual(params, { peerId: 'tom', sourceIP: ADDRESS, tag: 'desk', closeCode: 1 });
    assert.equal(typeof closeMsg, 'string');
  });
  await step('_receiversOffline, and no other hook than those', async () => {
    await jerry.send(ofJerry, 'are you there?');
    for (const hook of ['_messageReceived', '_messageSent', '_receiversOffline']) await next(hook);
    await jerry.send(ofJerry, 'anybody?', { transient: true });
    for (const hook of ['_messageReceived', '_messageSent']) await next(hook);
    const unique = { members: ['tom'], unique: true };
    await jerry.client.createConversation(unique);
    for (const hook of ['_conversationStart', '_conversationStarted']) await next(hook);
    await jerry.client.createConversation(unique);
    await next('_conversationStart');
    await ofJerry.read();
    await ofJerry.count();
    await jerry.client.getQuery().find();
    await ofJerry.queryMessages();
    // Of each channel one more call, behind all that should not be there.
    const last = await jerry.createGroup(['tom']);
    await last.add(['spike']);
    await last.remove(['spike']);
    await jerry.send(last, 'the last one');
    await jerry.logout();
    const end = ['_conversationStart', '_conversationStarted', '_conversationAdd', '_conversationAdded'];
    const remove = ['_conversationRemove', '_conversationRemoved'];
    const message = ['_messageReceived', '_messageSent', '_receiversOffline', '_clientOffline'];
    for (const hook of [...end, ...remove, ...message]) await next(hook);
    assert.deepEqual([...engine.called].sort(), expected.sort());
  });
});


