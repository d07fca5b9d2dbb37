'use strict';
// Whole projects, whose files are used as they are. The same calls are made in the sandbox by the tests of the runtime.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { open } = require('./harness');
const leancache = require('./store');

const root = path.join(__dirname, 'projects');

function filesOf(folder) {
  return Object.fromEntries(
    fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'calls.json')
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(folder, file), fs.readFileSync(file, 'utf8')]),
  );
}

/** The moderation service of the recipes. */
function moderate({ body }) {
  const { content } = JSON.parse(body);
  if (content.includes('break')) return { status: 503, body: 'no' };
  if (content.includes('worst')) return { body: '{"result":1}' };
  return {
    body: content.includes('bad')
      ? JSON.stringify({ result: 1, filtered_text: content.replace('bad', '***') })
      : '{"result":0}',
  };
}

for (const name of fs.readdirSync(root)) {
  const folder = path.join(root, name);
  const {
    entry,
    definitions,
    internal = [],
    loadLogs = [],
    calls,
  } = JSON.parse(fs.readFileSync(path.join(folder, 'calls.json'), 'utf8'));
  test(`the project ${name}`, async (t) => {
    const module = await open(filesOf(folder), {
      entry: `/app/${entry}`,
      variables: { LEANCLOUD_APP_ID: 'app', MODERATION_HOST: 'moderation.example', MODERATION_PROTOCOL: 'http' },
      answer: moderate,
      leancache: leancache.likeLeanCache(),
    }).loadAndRun();
    for (const text of loadLogs)
      assert.ok(
        module.texts().some((one) => one.startsWith(text)),
        text,
      );
    if (definitions)
      assert.deepEqual(
        module
          .definitions()
          .map((one) => one.name)
          .sort(),
        [...definitions].sort(),
      );
    if (definitions)
      assert.deepEqual(
        module
          .definitions()
          .filter((one) => one.internal)
          .map((one) => one.name)
          .sort(),
        [...internal].sort(),
      );
    // Node itself sees rejections that nobody handles, and waits for promises that never settle.
    for (const call of calls.filter((one) => !one.sandboxOnly)) {
      await t.test(`${call.name} ${JSON.stringify(call.params ?? {})}`, async () => {
        module.logs.length = 0;
        if (call.failure) {
          const failure = await module.failure(call.name, call.params);
          assert.deepEqual(
            { ...failure, ...('message' in call.failure ? {} : { message: undefined }) },
            { message: undefined, ...call.failure },
          );
        } else assert.deepEqual((await module.call(call.name, call.params)) ?? null, call.reply);
        // Work that the call began goes on after its reply.
        await new Promise((resolve) => setTimeout(resolve, 40));
        if (call.logs) {
          assert.equal(module.logs.length, call.logs.length, JSON.stringify(module.logs));
          for (const [index, text] of call.logs.entries())
            assert.ok(module.logs[index].text.startsWith(text), module.logs[index].text);
        }
      });
    }
  });
}
