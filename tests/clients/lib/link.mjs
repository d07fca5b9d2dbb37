// A TCP link between a device and the server that a test can cut, as a lost radio link does: no close frame, no notice.

import { once } from 'node:events';
import net from 'node:net';

/** A link to the server at `url`; devices connect to `link.url` instead. */
export async function openLink(url) {
  const target = new URL(url);
  const link = new Link(target.hostname, Number(target.port));
  await link.listen();
  return link;
}

class Link {
  #host;
  #port;
  #sockets = new Set();
  #up = true;

  constructor(host, port) {
    this.#host = host;
    this.#port = port;
    this.server = net.createServer((near) => this.#join(near));
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  /** Destroys every connection and refuses new ones until `restore`. */
  cut() {
    this.#up = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Lets connections through again. */
  restore() {
    this.#up = true;
  }

  #join(near) {
    if (!this.#up) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect(this.#port, this.#host);
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
