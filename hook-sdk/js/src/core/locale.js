'use strict';
// The engine has no Intl. What hooks use of it is here for English and Chinese: dates, numbers, and the order of texts.
const dateWriter = require('./locale/dates');
const numberWriter = require('./locale/numbers');
const compare = require('./locale/order');
const { zoneOf } = require('./locale/zones');

const localeOf = (locales) => String([].concat(locales ?? 'en-US')[0] ?? 'en-US');

function define(target, name, method) {
  Object.defineProperty(target, name, { value: { [name]: method }[name], writable: true, configurable: true });
}

function dateMethod(name, needed, defaults) {
  define(Date.prototype, name, function (locales, options) {
    if (Number.isNaN(this.getTime())) return 'Invalid Date';
    return dateWriter(localeOf(locales), options ?? {}, needed, defaults).write(this);
  });
}
dateMethod('toLocaleDateString', 'date', 'date');
dateMethod('toLocaleTimeString', 'time', 'time');
dateMethod('toLocaleString', 'any', 'all');

function numberMethod(prototype) {
  define(prototype, 'toLocaleString', function (locales, options) {
    return numberWriter(localeOf(locales), options ?? {})(this.valueOf());
  });
}
numberMethod(Number.prototype);
numberMethod(BigInt.prototype);
define(String.prototype, 'localeCompare', function (other, _, options) {
  return compare(String(this), String(other), options ?? {});
});

const zoneNames = {
  UTC: 'Coordinated Universal Time',
  'Asia/Shanghai': 'China Standard Time',
  'Asia/Hong_Kong': 'Hong Kong Standard Time',
  'Asia/Taipei': 'Taipei Standard Time',
  'Asia/Singapore': 'Singapore Standard Time',
  'Asia/Tokyo': 'Japan Standard Time',
  'Asia/Seoul': 'Korean Standard Time',
};
for (const name of ['toString', 'toTimeString']) {
  const write = Date.prototype[name];
  define(Date.prototype, name, function () {
    const zone = zoneNames[zoneOf().name];
    return write.call(this).replace(/GMT[+-]\d{4}$/, (offset) => (zone ? `${offset} (${zone})` : offset));
  });
}

class DateTimeFormat {
  #locale;
  #writer;
  constructor(locales, options) {
    this.#locale = localeOf(locales);
    this.#writer = dateWriter(this.#locale, options ?? {}, 'any', 'date');
    this.format = (date) => this.#writer.write(asDate(date));
  }
  formatToParts(date) {
    return this.#writer.pieces(asDate(date)).map(([type, value]) => ({ type, value }));
  }
  resolvedOptions() {
    const { zone, parts, cycle } = this.#writer;
    return {
      locale: this.#locale,
      calendar: 'gregory',
      numberingSystem: 'latn',
      timeZone: zone.name,
      ...(cycle && { hourCycle: cycle }),
      ...parts,
    };
  }
}

class NumberFormat {
  #locale;
  #options;
  constructor(locales, options) {
    this.#locale = localeOf(locales);
    this.#options = options ?? {};
    this.format = numberWriter(this.#locale, this.#options);
  }
  resolvedOptions() {
    return { locale: this.#locale, numberingSystem: 'latn', style: 'decimal', ...this.#options };
  }
}

class Collator {
  #locale;
  #options;
  constructor(locales, options) {
    this.#locale = localeOf(locales);
    this.#options = options ?? {};
    this.compare = (one, other) => compare(String(one), String(other), this.#options);
  }
  resolvedOptions() {
    return { locale: this.#locale, usage: 'sort', sensitivity: 'variant', numeric: false, ...this.#options };
  }
}

function asDate(given) {
  const date = given === undefined ? new Date() : new Date(given);
  if (Number.isNaN(date.getTime())) throw new RangeError('Invalid time value');
  return date;
}

const formats = { DateTimeFormat, NumberFormat, Collator };
for (const [name, Format] of Object.entries(formats)) {
  Format.supportedLocalesOf = (locales) => [].concat(locales ?? []).filter((one) => /^(en|zh)\b/.test(one));
  // They can be called without `new`, as in Node.
  formats[name] = new Proxy(Format, { apply: (_, __, [locales, options]) => new Format(locales, options) });
}
if (globalThis.Intl === undefined) {
  Object.defineProperty(globalThis, 'Intl', { value: formats, writable: true, configurable: true });
}
