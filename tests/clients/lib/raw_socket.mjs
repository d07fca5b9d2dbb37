// A socket that speaks the protocol without the SDK, for frames that the SDK would never send.

import { once } from 'node:events';
import WebSocket from 'ws';

import { DEADLINE_MS, Inbox } from './inbox.mjs';
import { loadSdk } from './sdk.mjs';

const { GenericCommand } = loadSdk().Protocols ?? {};

/** Numbers of CommandType and OpType, as far as scenes name them. */
export const Command = { session: 0, conv: 1, direct: 2, ack: 3, logs: 6, error: 7, login: 8, echo: 14 };
export const Op = { open: 1, close: 4, opened: 5, closed: 6, query: 7, start: 30, started: 31 };

/** Opens a socket; its replies and its end are filed in an inbox. */
export async function openRawSocket(url, subprotocol = 'lc.protobuf2.3') {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), subprotocol);
  const raw = new RawSocket(socket);
  await once(socket, 'open');
  return raw;
}

class RawSocket {
  #socket;
  #inbox = new Inbox('the raw socket');
  #serial = 0;

  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => this.#inbox.file({ kind: 'command', command: GenericCommand.decode(bytes) }));
    socket.on('close', (code, reason) => this.#inbox.file({ kind: 'closed', code, reason: reason.toString() }));
    socket.on('error', () => {});
  }

  /** Sends bytes as they are; a text stays a text frame. */
  sendBytes(bytes) {
    this.#socket.send(bytes);
  }

  /** Sends a command with a serial number and waits for the reply that echoes it. */
  async request(command) {
    const i = ++this.#serial;
    this.sendBytes(new GenericCommand({ ...command, i }).encode().toBuffer());
    const { command: reply } = await this.#inbox.next('command', (event) => event.command.i === i);
    return reply;
  }

  /** Logs a client in. */
  async login(appId, peerId) {
    const reply = await this.request({ cmd: Command.session, op: Op.open, appId, peerId, sessionMessage: { ua: 'raw', r: false } });
    if (reply.op !== Op.opened) throw new Error(`the login was refused: ${JSON.stringify(reply.errorMessage)}`);
    return reply;
  }

  /** Resolves with `{code, reason}` once the server has closed the socket. */
  closed(withinMs = DEADLINE_MS) {
    return this.#inbox.next('closed', undefined, withinMs);
  }

  /** Closes from this side. */
  close() {
    this.#socket.close();
  }
}
