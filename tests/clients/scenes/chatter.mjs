// Messages, as many as the argument says; all are acknowledged, whatever the hooks do.

import { connect } from '../lib/device.mjs';
import { report, scene, step } from '../lib/scene.mjs';

const count = Number(process.argv[2]);

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const group = await tom.createGroup(['jerry'], { name: 'chatter' });
  await step(`${count} messages are acknowledged`, async () => {
    const sent = await Promise.all(Array.from({ length: count }, (_, number) => tom.send(group, `${number}`)));
    report({ ids: sent.map((message) => message.id) });
  });
});
