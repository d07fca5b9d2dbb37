'use strict';
// JSON in which `__type` names what a value is.
const { AVObject, Relation, encode } = require('./_object');
const { File } = require('./_user');

class GeoPoint {
  constructor(first, longitude) {
    const [latitude, other] = Array.isArray(first)
      ? first
      : typeof first === 'object' && first
        ? [first.latitude, first.longitude]
        : [first, longitude];
    this.latitude = latitude ?? 0;
    this.longitude = other ?? 0;
  }

  radiansTo(point) {
    const rad = Math.PI / 180;
    const lat = Math.sin(((this.latitude - point.latitude) * rad) / 2);
    const lon = Math.sin(((this.longitude - point.longitude) * rad) / 2);
    const part = lat * lat + Math.cos(this.latitude * rad) * Math.cos(point.latitude * rad) * lon * lon;
    return 2 * Math.asin(Math.sqrt(Math.min(1, part)));
  }

  kilometersTo(point) {
    return this.radiansTo(point) * 6371;
  }

  milesTo(point) {
    return this.radiansTo(point) * 3958.8;
  }

  toJSON() {
    return { __type: 'GeoPoint', latitude: this.latitude, longitude: this.longitude };
  }
}

/** The other way: JSON with `__type` into objects. */
function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (value === null || typeof value !== 'object') return value;
  const { __type: type, ...rest } = value;
  switch (type) {
    case 'Pointer':
    case 'Object':
      return filled(AVObject.createWithoutData(value.className, value.objectId), rest);
    case 'Date':
      return new Date(value.iso);
    case 'GeoPoint':
      return new GeoPoint(value);
    case 'File':
      return filled(new File(value.name), rest);
    case 'Relation':
      return Object.assign(new Relation(), { targetClassName: value.className });
    default:
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, decode(one)]));
  }
}

function filled(object, { className, ...values }) {
  for (const [name, value] of Object.entries(values)) object.set(name, decode(value));
  object._dirty.clear();
  return object;
}

function encodeFull(value) {
  return value instanceof AVObject ? value.toFullJSON() : encode(value);
}

module.exports = { GeoPoint, decode, encodeFull, filled };
