// One installation of the SDK with one client logged in: a socket of its own.

import { Inbox } from './inbox.mjs';
import { loadSdk, NEWEST_SDK, OLD_SDK } from './sdk.mjs';

const CONVERSATION_EVENTS = {
  invited: (payload) => ({ by: payload.invitedBy }),
  kicked: (payload) => ({ by: payload.kickedBy }),
  membersjoined: (payload) => ({ by: payload.invitedBy, members: [...payload.members].sort() }),
  membersleft: (payload) => ({ by: payload.kickedBy, members: [...payload.members].sort() }),
  muted: (payload) => ({ by: payload.mutedBy }),
  unmuted: (payload) => ({ by: payload.unmutedBy }),
  membersmuted: (payload) => ({ by: payload.mutedBy, members: [...payload.members].sort() }),
  membersunmuted: (payload) => ({ by: payload.unmutedBy, members: [...payload.members].sort() }),
  blocked: (payload) => ({ by: payload.blockedBy }),
  unblocked: (payload) => ({ by: payload.unblockedBy }),
  membersblocked: (payload) => ({ by: payload.blockedBy, members: [...payload.members].sort() }),
  membersunblocked: (payload) => ({ by: payload.unblockedBy, members: [...payload.members].sort() }),
  memberinfoupdated: ({ updatedBy, member, memberInfo }) => ({ by: updatedBy, member, role: memberInfo.role }),
  message: (message) => ({ message, text: textOf(message) }),
  messageupdate: (message) => ({ message, text: textOf(message) }),
  messagerecall: (message) => ({ message }),
  conversationinfoupdated: (payload) => ({ by: payload.updatedBy }),
};
const CLIENT_EVENTS = [
  'disconnect',
  'reconnect',
  'reconnecterror',
  'conflict',
  'close',
  'unreadmessagescountupdate',
];

/**
 * Connects and logs in.
 *
 * @param {{url: string, app_id: string, app_key: string}} connection as `hookd up --json` prints it
 * @param {string} [clientId] absent: the server chooses
 * @param {{sdk?: string, url?: string, tag?: string, base64?: boolean}} [options] `url`: instead of the connection's
 */
export async function connect(connection, clientId, options = {}) {
  const device = new Device(connection, options);
  await device.login(clientId, options.tag);
  return device;
}

export class Device {
  /** Makes the Realtime object; nothing is sent before `login`. */
  constructor(connection, { sdk = NEWEST_SDK, url = connection.url, base64 = false } = {}) {
    this.sdk = loadSdk(sdk);
    const server = sdk === OLD_SDK ? { RTMServers: url.replace(/^http/, 'ws') } : { server: url };
    this.realtime = new this.sdk.Realtime({
      appId: connection.app_id,
      appKey: connection.app_key,
      noBinary: base64,
      ...server,
    });
  }

  /** Opens the session and starts to collect its events. */
  async login(clientId, tag, options = {}) {
    this.client = await this.realtime.createIMClient(clientId, { tag, ...options });
    this.inbox = new Inbox(this.client.id);
    for (const [kind, read] of Object.entries(CONVERSATION_EVENTS)) {
      this.client.on(kind, (payload, conversation, reason) =>
        this.inbox.file({ kind, conversationId: conversation.id, reason, ...read(payload) }),
      );
    }
    for (const kind of CLIENT_EVENTS) {
      this.client.on(kind, (payload) => this.inbox.file({ kind, payload }));
    }
  }

  /** The next message with this text, or any. */
  nextMessage(text, withinMs) {
    return this.inbox.next('message', (event) => text === undefined || event.text === text, withinMs);
  }

  /** The client's own view of a conversation. */
  conversation(id) {
    return this.client.getConversation(id);
  }

  /** A new conversation, not the unique one of its members, so that scenes do not meet each other. */
  createGroup(members, options = {}) {
    return this.client.createConversation({ members, unique: false, ...options });
  }

  /** Resolves with the acknowledged message. */
  send(conversation, text, options) {
    return conversation.send(new this.sdk.TextMessage(text), options);
  }

  /** Resolves with the acknowledged message. */
  sendBinary(conversation, bytes) {
    return conversation.send(new this.sdk.BinaryMessage(Uint8Array.from(bytes).buffer));
  }

  /** Logs out; the SDK closes the socket. */
  logout() {
    return this.client.close();
  }
}

/** Text of a text message, bytes of a binary one. */
export function textOf(message) {
  if (message.content instanceof ArrayBuffer) return [...new Uint8Array(message.content)];
  return message.text ?? message.content;
}

/** Texts of the newest messages that the conversation's history holds, oldest first. */
export async function historyTexts(conversation, limit = 100) {
  const messages = await conversation.queryMessages({ limit });
  return messages.map(textOf);
}

/** Every message of the history, oldest first, read page by page as an application does. */
export async function wholeHistory(conversation, pageSize = 100) {
  const pages = [];
  const iterator = conversation.createMessagesIterator({ limit: pageSize });
  for (let page = await iterator.next(); page.value?.length > 0; page = await iterator.next()) {
    pages.unshift(page.value);
    if (page.done) break;
  }
  return pages.flat();
}
