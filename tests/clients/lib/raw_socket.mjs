// A socket that speaks the protocol without the SDK, for frames that the SDK would never send.

import { once } from 'node:events';
import WebSocket from 'ws';

import { DEADLINE_MS, Inbox } from './inbox.mjs';
import { loadSdk } from './sdk.mjs';

const { GenericCommand, CommandType, OpType } = loadSdk().Protocols;
export { CommandType, OpType };

/** Opens a socket; its replies and its end are filed in an inbox. With an `origin`, as a page of a browser does. */
export async function openRawSocket(url, subprotocol = 'lc.protobuf2.3', origin) {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), subprotocol, { origin });
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
    this.#serial += 1;
    const i = this.#serial;
    this.sendBytes(new GenericCommand({ ...command, i }).encode().toBuffer());
    return this.reply(i);
  }

  /** Waits for the reply with this serial number. */
  async reply(i) {
    const { command } = await this.#inbox.next('command', (event) => event.command.i === i);
    return command;
  }

  /** Logs a client in. */
  async login(appId, peerId) {
    const reply = await this.open({ appId, peerId });
    if (reply.op !== OpType.opened) throw new Error(`the log-in was refused: ${JSON.stringify(reply.errorMessage)}`);
    return reply;
  }

  /** Asks for a session; answers the reply, whatever it is. */
  open(fields, session = {}) {
    const sessionMessage = { ua: 'raw', r: false, ...session };
    return this.request({ cmd: CommandType.session, op: OpType.open, sessionMessage, ...fields });
  }

  /** Resolves with `{code, reason}` once the server has closed the socket. */
  closed(withinMs = DEADLINE_MS) {
    return this.#inbox.next('closed', undefined, withinMs);
  }

  /** Leaves what the server sends unread. */
  stopReading() {
    this.#socket.pause();
  }

  /** Closes from this side. */
  close() {
    this.#socket.close();
  }
}
