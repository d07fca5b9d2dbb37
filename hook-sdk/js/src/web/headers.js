'use strict';
// Headers of the Fetch standard.
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function checkedName(name) {
  name = `${name}`;
  if (!token.test(name)) throw new TypeError(`Headers: ${name} is an invalid header name.`);
  return name.toLowerCase();
}

function checkedValue(value) {
  const plain = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (/[\0\r\n]|[^\0-\xff]/.test(plain)) throw new TypeError(`Headers: ${plain} is an invalid header value.`);
  return plain;
}

class Headers {
  /** Name to its values, in the order of their arrival. */
  #lists = new Map();

  constructor(init) {
    if (init === undefined) return;
    if (init === null || typeof init !== 'object')
      throw new TypeError('Headers: the init must be an object or a sequence');
    if (typeof init[Symbol.iterator] === 'function') {
      for (const pair of init) {
        const [name, value, ...rest] = [...pair];
        if (value === undefined || rest.length > 0)
          throw new TypeError('Headers: each pair must have a name and a value');
        this.append(name, value);
      }
    } else
      for (const name of Reflect.ownKeys(init)) {
        if (Object.prototype.propertyIsEnumerable.call(init, name)) this.append(name, init[name]);
      }
  }

  append(name, value) {
    name = checkedName(name);
    value = checkedValue(value);
    const list = this.#lists.get(name);
    if (list) list.push(value);
    else this.#lists.set(name, [value]);
  }

  set(name, value) {
    this.#lists.set(checkedName(name), [checkedValue(value)]);
  }

  delete(name) {
    this.#lists.delete(checkedName(name));
  }

  get(name) {
    return this.#lists.get(checkedName(name))?.join(', ') ?? null;
  }

  has(name) {
    return this.#lists.has(checkedName(name));
  }

  getSetCookie() {
    return [...(this.#lists.get('set-cookie') ?? [])];
  }

  *entries() {
    for (const name of [...this.#lists.keys()].sort()) {
      if (name === 'set-cookie') for (const value of this.getSetCookie()) yield [name, value];
      else yield [name, this.get(name)];
    }
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(callback, receiver) {
    for (const [name, value] of this.entries()) callback.call(receiver, value, name, this);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return 'Headers';
  }

  [Symbol.for('nodejs.util.inspect.custom')](_, options, inspect) {
    return `Headers ${inspect(Object.fromEntries(this.entries()), options)}`;
  }
}

module.exports = { Headers };
