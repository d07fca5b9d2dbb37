// The frame of a scene: a Node program that an end-to-end test starts. It finds the server in HOOKD_CONNECTION (what
// `hookd up --json` prints), writes one JSON line per step to stdout, and ends with 0 only if every step came true.
//
// A scene that needs something done to the server asks the test for it: it prints `{"ask": …}` and waits for a line.

import { createInterface } from 'node:readline';

/** A scene takes seconds; one that hangs must say so before the test runner does. */
const SCENE_DEADLINE_MS = 90_000;

/** Runs a scene to its end, and the process with it. */
export async function scene(play, deadlineMs = SCENE_DEADLINE_MS) {
  const watchdog = setTimeout(() => end({ failed: 'scene', error: `not over after ${deadlineMs} ms` }, 1), deadlineMs);
  process.on('unhandledRejection', (error) => end({ failed: 'unhandled rejection', error: describe(error) }, 1));
  try {
    await play(JSON.parse(process.env.HOOKD_CONNECTION));
  } catch (error) {
    end({ failed: 'scene', error: describe(error) }, 1);
    return;
  }
  clearTimeout(watchdog);
  end({ scene: 'over' }, 0);
}

/** One thing that must come true; its name and outcome are printed. */
export async function step(name, act) {
  try {
    const value = await act();
    print({ step: name });
    return value;
  } catch (error) {
    end({ failed: name, error: describe(error) }, 1);
    // The process ends once stdout is flushed; nothing after this step may run.
    return new Promise(() => {});
  }
}

/** A fact for the test to judge. */
export function report(facts) {
  print({ report: facts });
}

const answers = [];
const waiting = [];

/** Asks the test to do something to the server, e.g. `ask('deploy', 'word_filter')`; resolves once it is done. */
export function ask(what, argument) {
  listenToTest();
  const answer = answers.length > 0 ? Promise.resolve(answers.shift()) : new Promise((resolve) => waiting.push(resolve));
  print({ ask: what, argument });
  return answer;
}

let listening = false;
function listenToTest() {
  if (listening) return;
  listening = true;
  createInterface({ input: process.stdin }).on('line', (line) => {
    const answer = line === '' ? undefined : JSON.parse(line);
    if (waiting.length > 0) waiting.shift()(answer);
    else answers.push(answer);
  });
}

/** Asserts that a promise rejects, and answers the error. */
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection, but the promise was fulfilled');
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function end(line, code) {
  process.stdout.write(`${JSON.stringify(line)}\n`, () => process.exit(code));
}

function describe(error) {
  return error instanceof Error ? error.stack : JSON.stringify(error);
}
