// Roles of members: who gives them, who sees them, and what they allow.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const spike = await connect(connection, 'spike');
  const group = await tom.createGroup(['jerry', 'spike', 'butch']);
  await jerry.inbox.next('invited');
  const ofJerry = await jerry.conversation(group.id);
  const ofSpike = await spike.conversation(group.id);
  const rolesOf = async (conversation) => {
    const infos = await conversation.getAllMemberInfo({ noCache: true });
    return Object.fromEntries(infos.map((info) => [info.memberId, info.role]));
  };

  await step('roles are off until the app switches them on', async () => {
    assert.equal((await rejection(group.updateMemberRole('jerry', 'Manager'))).code, 4325);
    await rejection(group.getAllMemberInfo());
  });
  await ask('switch on');

  await step('before a role is given there are an owner and members', async () => {
    assert.deepEqual(await rolesOf(ofSpike), { tom: 'Owner', jerry: 'Member', spike: 'Member', butch: 'Member' });
  });
  await step('the other members learn of a role', async () => {
    await group.updateMemberRole('jerry', 'Manager');
    for (const device of [jerry, spike]) {
      const { by, member, role } = await device.inbox.next('memberinfoupdated');
      assert.deepEqual([by, member, role], ['tom', 'jerry', 'Manager']);
    }
    assert.equal((await rolesOf(ofSpike)).jerry, 'Manager');
    assert.equal((await ofJerry.getMemberInfo('jerry')).role, 'Manager');
  });
  await step('a member acts on nobody, and a manager on members only', async () => {
    for (const act of [
      () => ofSpike.updateMemberRole('butch', 'Manager'),
      () => ofSpike.muteMembers(['butch']),
      () => ofSpike.blockMembers(['butch']),
      () => ofSpike.remove(['butch']),
      () => ofJerry.muteMembers(['tom']),
      () => ofJerry.unmuteMembers(['jerry']),
      () => ofJerry.updateMemberRole('tom', 'Member'),
    ]) {
      const { code, message } = await rejection(act());
      assert.deepEqual([code, message], [4320, 'CONVERSATION_OPERATION_UNAUTHORIZED'], act.toString());
    }
    const { successfulClientIds, failures } = await ofJerry.muteMembers(['spike', 'tom']);
    assert.deepEqual(successfulClientIds, ['spike']);
    assert.deepEqual(
      failures.map(({ code, clientIds }) => [code, clientIds]),
      [[4320, ['tom']]],
    );
    assert.deepEqual((await ofJerry.remove(['butch'])).successfulClientIds, ['butch']);
  });
  await step('no other role, and no other owner', async () => {
    assert.equal((await rejection(group.updateMemberRole('spike', 'King'))).code, 4321);
    assert.equal((await rejection(group.updateMemberRole('spike', 'Owner'))).code, 5130);
  });
  await step('the owner stays, a manager may leave and has no role when it is back', async () => {
    assert.equal((await rejection(group.quit())).code, 4324);
    await ofJerry.quit();
    await ofJerry.join();
    assert.equal((await rolesOf(group)).jerry, 'Member');
    assert.equal((await rejection(ofJerry.muteMembers(['spike']))).code, 4320);
  });
  await step('who is not a member does not see roles', async () => {
    const stranger = await connect(connection, 'stranger');
    const ofStranger = await stranger.conversation(group.id);
    assert.equal((await rejection(ofStranger.getAllMemberInfo())).code, 4317);
  });
});
