// The declarations, the module and the schemas of hooks, read by the compilers and checkers that hook authors have.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import ts from 'typescript'

const here = import.meta.dirname
const root = join(here, '../..')
const declarations = ['hooks.d.ts', 'index.d.ts'].map((file) => join(root, 'hook-sdk/js/types', file))

/** What the compiler says of one fixture, one line for each mistake. `edit` changes its text first. */
function mistakes(file, edit = (text) => text) {
  const path = join(here, file)
  const options = {
    strict: true, noEmit: true, allowJs: true, checkJs: true, esModuleInterop: true, skipLibCheck: false,
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Preserve, lib: ['lib.es2023.d.ts'], types: []
  }
  const host = ts.createCompilerHost(options)
  const read = host.readFile
  host.readFile = (name) => (name === path ? edit(read(name)) : read(name))
  const ambient = join(here, 'fixtures/node.d.ts')
  const program = ts.createProgram([...declarations, ambient, path], options, host)
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0
    return `${file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}

for (const file of ['fixtures/typescript/hooks.ts', 'fixtures/javascript/cloud.js']) {
  test(`${file} compiles`, () => {
    assert.deepEqual(mistakes(file), [])
  })

  test(`each mistake in ${file} is one`, () => {
    const expected = readFileSync(join(here, file), 'utf8').match(/@ts-expect-error:/g).length
    const found = mistakes(file, (text) => text.replaceAll('@ts-expect-error', 'mistake'))
    assert.equal(found.length, expected, found.join('\n'))
  })
}

test('the example in TypeScript compiles', () => {
  assert.deepEqual(mistakes('../../examples-hooks/javascript/minimum-members/cloud.ts'), [])
})

test('mypy finds the mistakes in a hook in Python, and no others', () => {
  const options = ['--strict', '--no-incremental', '--cache-dir', '/dev/null']
  execFileSync(join(here, '.venv/bin/mypy'), [...options, join(here, 'fixtures/python/cloud.py')], {
    env: { ...process.env, MYPYPATH: join(root, 'hook-sdk/python/src') }
  })
})

test('the module for Python can be imported', () => {
  const script = 'import hooks; print(hooks.PushMessage, hooks.MessageReceivedParams.__required_keys__ >= {"content"})'
  const said = execFileSync('python3', ['-B', '-c', script], {
    cwd: join(root, 'hook-sdk/python/src/hookd'), encoding: 'utf8'
  })
  assert.match(said, /True/)
})

const schemas = join(root, 'hook-types/schema')
const read = (name) => JSON.parse(readFileSync(join(schemas, name), 'utf8'))

test('every schema is one, and there are two for each hook', () => {
  const names = readdirSync(schemas)
  assert.equal(names.length, 28)
  for (const name of names) new Ajv2020({ allowUnionTypes: true }).compile(read(name))
})

test('schemas accept what is sent and answered, and nothing else', () => {
  const message = {
    fromPeer: 'alice', convId: 'c', toPeers: ['bob'], transient: false, bin: false, content: 'hi', receipt: false,
    timestamp: 1700000000123, system: null, sourceIP: '203.0.113.7', groupId: null
  }
  const { content, ...withoutContent } = message
  const change = { initBy: 'alice', convId: 'c' }
  for (const [schema, value, isValid] of [
    ['_messageReceived.params', message, true],
    ['_messageReceived.params', withoutContent, false],
    ['_messageReceived.params', { ...message, timestamp: 1.5 }, false],
    ['_messageReceived.reply', null, true],
    ['_messageReceived.reply', {}, true],
    ['_messageReceived.reply', { drop: true, code: 1, detail: 'no' }, true],
    ['_messageReceived.reply', { toPeers: [7] }, false],
    ['_messageReceived.reply', content, false],
    ['_messageSent.reply', content, true],
    ['_conversationUpdate.params', { ...change, mute: true }, true],
    ['_conversationUpdate.params', { ...change, attr: { name: 'x' } }, true],
    ['_conversationUpdate.params', { ...change, attr: {}, mute: true }, false],
    ['_conversationUpdate.params', change, false],
    ['_receiversOffline.reply', { pushMessage: { alert: 'x' } }, true],
    ['_receiversOffline.reply', { pushMessage: 5 }, false]
  ]) {
    const validate = new Ajv2020({ allowUnionTypes: true }).compile(read(`${schema}.json`))
    assert.equal(validate(value), isValid, `${schema} ${JSON.stringify(value)}`)
  }
})
