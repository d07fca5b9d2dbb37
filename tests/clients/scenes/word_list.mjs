// The examples with a word list: a service outside keeps the words, LeanCache has a copy of them.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { connect } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';
import { listening } from '../lib/scripted_engine.mjs';

await scene(async (connection) => {
  const service = await openService(['crap', 'darn']);
  await ask('variable', `WORD_LIST_URL=${service.url}/words.json`);
  await ask('settings', `--allow-host ${new URL(service.url).host} --message-edit on --message-recall on`);
  await ask('settings', '--on-hook-failure abort');
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry', 'spike'], { name: 'polite' });
  await jerry.inbox.next('invited');
  const { TextMessage } = tom.sdk;

  const sent = await step('the words of the list are taken out', async () => {
    const sent = await tom.send(group, 'Holy crap, darn it! What a crap');
    const { message, text } = await jerry.nextMessage();
    assert.deepEqual([message.id, text], [sent.id, 'Holy **, ** it! What a **']);
    assert.equal((await tom.inbox.next('messageupdate')).text, text, 'the sender sees what became of it');
    return sent;
  });
  await step('other messages pass as they are', async () => {
    await tom.send(group, 'good morning');
    await jerry.nextMessage('good morning');
    await tom.sendBinary(group, [...Buffer.from('crap')]);
    assert.deepEqual((await jerry.nextMessage()).text, [...Buffer.from('crap')]);
    assert.deepEqual(tom.inbox.unread('messageupdate'), []);
  });
  await step('an edit is filtered as a message is', async () => {
    const edited = await group.update(sent, new TextMessage('crap once more'));
    assert.equal((await jerry.inbox.next('messageupdate')).text, '** once more');
    await group.recall(edited);
    await jerry.inbox.next('messagerecall');
  });
  await step('the service was asked once', () => assert.equal(service.asked, 1));
  service.isDown = true;
  await step('while it is down, the copy counts', async () => {
    await tom.send(group, 'crap');
    await jerry.nextMessage('**');
  });
  await step('without a copy the hook fails: nothing passes unread', async () => {
    await ask('cache', 'DEL word-list');
    assert.equal((await rejection(tom.send(group, 'crap'))).code, 4200);
  });
  await step('the service is back: the new list counts', async () => {
    service.isDown = false;
    service.words = ['crap', 'bother'];
    await tom.send(group, 'darn crap, bother');
    await jerry.nextMessage('darn **, **');
  });
});

/** A service with a list of words that counts how often it is asked. */
async function openService(words) {
  const service = { words, asked: 0, isDown: false };
  const server = createServer((request, response) => {
    service.asked += 1;
    response.statusCode = service.isDown ? 503 : 200;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(service.words));
  });
  service.url = await listening(server);
  return service;
}
