// One message from tom to jerry; reports what became of it and how long that took.

import { connect } from '../lib/device.mjs';
import { report, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await step('tom makes a conversation', () => tom.createGroup(['jerry']));
  await step('tom sends a message', async () => {
    const start = Date.now();
    try {
      const [sent] = await Promise.all([tom.send(group, 'hello'), jerry.nextMessage('hello')]);
      report({ sent: sent.id, milliseconds: Date.now() - start });
    } catch (error) {
      report({ code: error.code, detail: error.detail, milliseconds: Date.now() - start });
    }
  });
});
