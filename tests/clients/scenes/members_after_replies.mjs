// A reply right behind a push about the same conversation (F-16): the SDK applies a push later than a reply, so that
// a removed member would come back. A hundred rounds of each kind; the test judges how many went wrong.

import { connect } from '../lib/device.mjs';
import { CommandType, openRawSocket, OpType } from '../lib/raw_socket.mjs';
import { report, scene, step } from '../lib/scene.mjs';

const ROUNDS = 100;
const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const tom = await connect(connection, 'tom', { sdk });
  const group = await tom.createGroup(['jerry']);
  const jerry = await openRawSocket(connection.url);
  await jerry.login(connection.app_id, 'jerry');
  const change = (op, member) =>
    jerry.request({ cmd: CommandType.conv, op, convMessage: { cid: group.id, m: [member] } });

  /** Plays the round again and again; `isWrong` is asked as soon as its last promise is kept. */
  async function rounds(name, round, isWrong) {
    await step(`${name}, ${ROUNDS} times`, async () => {
      let wrong = 0;
      for (let number = 0; number < ROUNDS; number += 1) {
        await round();
        if (isWrong()) wrong += 1;
      }
      report({ [name]: wrong });
    });
  }

  const isSpikeThere = () => group.members.includes('spike');
  const addAndRemove = async () => {
    await group.add(['spike']);
    await group.remove(['spike']);
  };
  await rounds('tom adds spike and removes him', addAndRemove, isSpikeThere);
  const removeWhomJerryAdded = async () => {
    await change(OpType.add, 'spike');
    await group.remove(['spike']);
  };
  await rounds('jerry adds spike and tom removes him', removeWhomJerryAdded, isSpikeThere);
  const findAfterChanges = async () => {
    await change(OpType.add, 'spike');
    await change(OpType.remove, 'spike');
    await tom.client.getQuery().containsMembers(['tom']).find();
  };
  await rounds('jerry adds spike and removes him, and tom looks', findAfterChanges, isSpikeThere);

  const isTomThere = () => group.members.includes('tom');
  await rounds(
    'tom quits and joins',
    async () => {
      await group.quit();
      await group.join();
    },
    () => !isTomThere(),
  );
  await group.quit();
  const quitAfterJoining = async () => {
    await group.join();
    await group.quit();
  };
  await rounds('tom joins and quits', quitAfterJoining, isTomThere);
  const quitAfterJerry = async () => {
    await change(OpType.add, 'tom');
    await group.quit();
  };
  await rounds('jerry adds tom and tom quits', quitAfterJerry, isTomThere);
});
