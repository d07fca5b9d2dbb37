'use strict';
// AV.Object: values in memory.
const { network } = require('./_network');
const Query = require('./_query');

const classes = new Map();

class AVObject {
  constructor(className, attributes, options) {
    if (typeof className === 'string') this.className = className;
    else {
      options = attributes;
      attributes = className;
      this.className = this.constructor._className ?? this.constructor.name;
    }
    this.attributes = {};
    this.cid = `c${++AVObject._counter}`;
    this._dirty = new Set();
    if (attributes) this.set(attributes);
    this.initialize?.(attributes, options);
  }

  get(name) {
    if (name === 'objectId') return this.id;
    return this.attributes[name];
  }

  set(name, value) {
    const entries = name !== null && typeof name === 'object' ? Object.entries(name) : [[name, value]];
    for (const [key, one] of entries) {
      if (key === 'objectId' || key === 'id') this.id = one;
      else if (key === 'createdAt' || key === 'updatedAt') this[key] = one instanceof Date ? one : new Date(one);
      else {
        this.attributes[key] = one;
        this._dirty.add(key);
      }
    }
    return this;
  }

  unset(name) {
    delete this.attributes[name];
    this._dirty.add(name);
    return this;
  }

  increment(name, by = 1) {
    return this.set(name, (this.get(name) ?? 0) + by);
  }

  add(name, item) {
    return this.set(name, [...(this.get(name) ?? []), item]);
  }

  addUnique(name, item) {
    const items = this.get(name) ?? [];
    return items.includes(item) ? this : this.set(name, [...items, item]);
  }

  remove(name, item) {
    return this.set(
      name,
      (this.get(name) ?? []).filter((one) => one !== item),
    );
  }

  has(name) {
    return this.attributes[name] !== undefined && this.attributes[name] !== null;
  }

  escape(name) {
    return String(this.get(name) ?? '').replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  }

  getObjectId() {
    return this.id;
  }

  getCreatedAt() {
    return this.createdAt;
  }

  getUpdatedAt() {
    return this.updatedAt;
  }

  getACL() {
    return this.get('ACL');
  }

  setACL(acl) {
    return this.set('ACL', acl);
  }

  relation(name) {
    return new Relation(this, name);
  }

  dirty(name) {
    return name === undefined ? this._dirty.size > 0 : this._dirty.has(name);
  }

  dirtyKeys() {
    return [...this._dirty];
  }

  isNew() {
    return this.id === undefined;
  }

  clone() {
    return new this.constructor(this.className, this.attributes);
  }

  disableBeforeHook() {}
  disableAfterHook() {}
  ignoreHook() {}

  toJSON() {
    const plain = {};
    for (const [name, value] of Object.entries(this.attributes)) plain[name] = encode(value);
    if (this.id !== undefined) plain.objectId = this.id;
    if (this.createdAt) plain.createdAt = this.createdAt.toISOString();
    if (this.updatedAt) plain.updatedAt = this.updatedAt.toISOString();
    return plain;
  }

  toFullJSON() {
    return { ...this.toJSON(), __type: 'Object', className: this.className };
  }

  toPointer() {
    return { __type: 'Pointer', className: this.className, objectId: this.id };
  }

  static extend(name, prototype, statics) {
    if (typeof name !== 'string') throw new Error("AV.Object.extend's first argument should be the className.");
    const Base = this;
    const Class = { [name]: class extends Base {} }[name];
    Class._className = name;
    Object.assign(Class.prototype, prototype);
    Object.assign(Class, statics);
    classes.set(name, Class);
    return Class;
  }

  static register(Class, name) {
    Class._className = name ?? Class.name;
    classes.set(Class._className, Class);
  }

  static createWithoutData(className, id) {
    const name = typeof className === 'string' ? className : (className._className ?? className.name);
    const Class = classes.get(name);
    const object = Class ? new Class() : new AVObject(name);
    object.id = id;
    object.className = name;
    return object;
  }
}
AVObject._counter = 0;
network(AVObject.prototype, 'AV.Object.', ['save', 'fetch', 'destroy', 'fetchWhenSave']);
network(AVObject, 'AV.Object.', ['saveAll', 'fetchAll', 'destroyAll']);

class Relation {
  constructor(parent, key) {
    this.parent = parent;
    this.key = key;
  }

  add() {}
  remove() {}

  query() {
    return new Query(this.targetClassName);
  }

  toJSON() {
    return { __type: 'Relation', className: this.targetClassName };
  }
}

/** Typed JSON of a value. */
function encode(value) {
  if (value instanceof AVObject) return value.id === undefined ? value.toJSON() : value.toPointer();
  if (value instanceof Date) return { __type: 'Date', iso: value.toJSON() };
  if (Array.isArray(value)) return value.map(encode);
  if (value !== null && typeof value === 'object') {
    if (typeof value.toJSON === 'function') return value.toJSON();
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, encode(one)]));
  }
  return value;
}

module.exports = { AVObject, Relation, classes, encode };
