// The `hookd` binary as an operator and a developer use it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const HOOKS_TARGET = fileURLToPath(new URL('../../../target/hooks', import.meta.url));

/** Starting takes well under a second; a first start on a busy machine a little more. */
const START_DEADLINE_MS = 30_000;

/** Starts `hookd up` on a free port; its log goes to `<data>.log`. */
export async function startHookd(program, data) {
  await mkdir(path.dirname(data), { recursive: true });
  const process_ = spawn(program, ['up', '--listen', '127.0.0.1:0', '--json'], {
    env: environment(data),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const logFile = `${data}.log`;
  process_.stderr.pipe(createWriteStream(logFile));
  const line = await Promise.race([
    once(createInterface({ input: process_.stdout }), 'line').then(([first]) => first),
    once(process_, 'error').then(([error]) => Promise.reject(error)),
    once(process_, 'exit').then(([code]) => Promise.reject(new Error(`\`hookd up\` ended with ${code}; see ${logFile}`))),
    deadline(START_DEADLINE_MS, `\`hookd up\` is not ready; see ${logFile}`),
  ]);
  return new Hookd(program, data, process_, JSON.parse(line));
}

class Hookd {
  #program;
  #process;

  constructor(program, data, process_, connection) {
    this.#program = program;
    this.#process = process_;
    this.data = data;
    this.connection = connection;
  }

  /** Runs `hookd` with these arguments; answers its stdout, rejects with its stderr. */
  async command(...args) {
    try {
      const { stdout } = await run(this.#program, args, { env: environment(this.data), maxBuffer: 64 * 1024 * 1024 });
      return stdout.trim();
    } catch (error) {
      throw new Error(`\`hookd ${args.join(' ')}\` failed: ${error.stderr || error.message}`);
    }
  }

  /** Builds a hook project, with its progress on a terminal; answers the path of the module. */
  async build(project) {
    const building = spawn(this.#program, ['build', project, '--json'], {
      env: environment(this.data),
      stdio: ['ignore', 'pipe', process.stderr.isTTY ? 'inherit' : 'pipe'],
    });
    const [[code], stdout, stderr] = await Promise.all([
      once(building, 'exit'),
      text(building.stdout),
      building.stderr ? text(building.stderr) : '',
    ]);
    if (code !== 0) throw new Error(`\`hookd build ${project}\` failed${stderr && `: ${stderr}`}`);
    return JSON.parse(stdout).path;
  }

  /** Makes a module live in production; answers the release. */
  async deploy(module) {
    return JSON.parse(await this.command('deploy', module, '--prod', '--json'));
  }

  /** Memory of `hookd up` that is resident now, in MiB; `undefined` where the system does not tell. */
  async residentMebibytes() {
    const status = await readFile(`/proc/${this.#process.pid}/status`, 'utf8').catch(() => '');
    const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    return kibibytes && Math.ceil(Number(kibibytes) / 1024);
  }

  /** Stops it as Ctrl-C does, and waits until it is gone. */
  async stop() {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGINT');
    await gone;
  }

  /** Ends it at once, for callers that cannot wait. */
  kill() {
    this.#process.kill('SIGKILL');
  }

  /** Resolves when it has ended. */
  ended() {
    return once(this.#process, 'exit');
  }
}

function environment(data) {
  const { HOOKD_URL, HOOKD_APP, HOOKD_MASTER_KEY, HOOKD_LISTEN, HOOKD_PUBLIC_URL, ...rest } = process.env;
  // One target folder for all hook projects: where the standard library must be built from source, it is built once.
  return { CARGO_TARGET_DIR: HOOKS_TARGET, ...rest, HOOKD_DATA: data };
}

function deadline(milliseconds, text) {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(text)), milliseconds).unref();
  });
}
