// The events of a client, in order of arrival. Tests wait for an event with a deadline; nothing here sleeps.

export const DEADLINE_MS = 10_000;

export class Inbox {
  #owner;
  #unread = [];
  #waiters = [];

  /** @param {string} owner whose inbox it is, for error texts */
  constructor(owner) {
    this.#owner = owner;
  }

  /** Files an event, or hands it to the first waiter that wants it. */
  file(event) {
    const position = this.#waiters.findIndex((waiter) => waiter.wants(event));
    if (position < 0) {
      this.#unread.push(event);
      return;
    }
    const [waiter] = this.#waiters.splice(position, 1);
    waiter.resolve(event);
  }

  /** Takes the first event of that kind, come or to come; rejects after the deadline, naming what came instead. */
  next(kind, matches = () => true, withinMs = DEADLINE_MS) {
    const wants = (event) => event.kind === kind && matches(event);
    const position = this.#unread.findIndex(wants);
    if (position >= 0) return Promise.resolve(this.#unread.splice(position, 1)[0]);
    return new Promise((resolve, reject) => {
      const waiter = { wants, resolve: (event) => (clearTimeout(timer), resolve(event)) };
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        const others = this.#unread.map((event) => event.kind).join(', ') || 'nothing';
        reject(new Error(`${this.#owner} got no \`${kind}\` within ${withinMs} ms; unread: ${others}`));
      }, withinMs);
      this.#waiters.push(waiter);
    });
  }

  /** Events that came and were not taken. */
  unread(kind) {
    return this.#unread.filter((event) => event.kind === kind);
  }

  /** Takes everything that came so far. */
  takeAll() {
    const taken = this.#unread;
    this.#unread = [];
    return taken;
  }

  /** Takes all events of that kind that came so far. */
  take(kind) {
    const taken = this.unread(kind);
    this.#unread = this.#unread.filter((event) => event.kind !== kind);
    return taken;
  }
}
