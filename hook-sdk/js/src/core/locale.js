'use strict';
// There is no Intl. Numbers and times are written as Node writes them in English and Chinese, in the time zones that never
// change their clocks; another zone is an error, since a time that is silently wrong helps nobody.
const offsets = {
  UTC: 0,
  GMT: 0,
  'Etc/UTC': 0,
  'Etc/GMT': 0,
  'Asia/Shanghai': 480,
  'Asia/Chongqing': 480,
  'Asia/Harbin': 480,
  'Asia/Hong_Kong': 480,
  'Asia/Macau': 480,
  'Asia/Taipei': 480,
  'Asia/Singapore': 480,
  'Asia/Kuala_Lumpur': 480,
  'Asia/Manila': 480,
  'Asia/Urumqi': 360,
  PRC: 480,
  'Asia/Tokyo': 540,
  'Asia/Seoul': 540,
  'Asia/Bangkok': 420,
  'Asia/Jakarta': 420,
  'Asia/Ho_Chi_Minh': 420,
  'Asia/Kolkata': 330,
  'Asia/Dubai': 240,
};

function offsetOf(zone) {
  if (zone === undefined) return 0;
  const known = Object.entries(offsets).find(([name]) => name.toLowerCase() === String(zone).toLowerCase());
  if (known) return known[1];
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  if (sign) return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  throw new RangeError(
    `Invalid time zone specified: ${zone} (there is no Intl here; offered are ${Object.keys(offsets).join(', ')} and offsets such as +08:00)`,
  );
}

const two = (number) => String(number).padStart(2, '0');
const isChinese = (locales) => /^zh\b/.test(String([].concat(locales ?? 'en-US')[0]));

function day(date, locales) {
  const [year, month, number] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  return isChinese(locales) ? `${year}/${month}/${number}` : `${month}/${number}/${year}`;
}

function time(date, locales, options) {
  const hours = date.getUTCHours();
  const rest = `${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const isShort = options.hour12 ?? (options.hourCycle ? options.hourCycle.startsWith('h1') : !isChinese(locales));
  if (!isShort) return `${two(hours)}:${rest}`;
  const onClock = hours % 12 || 12;
  return isChinese(locales)
    ? `${hours < 12 ? '上午' : '下午'}${onClock}:${rest}`
    : `${onClock}:${rest} ${hours < 12 ? 'AM' : 'PM'}`;
}

function install(name, write) {
  Object.defineProperty(Date.prototype, name, {
    value: {
      [name](locales, options = {}) {
        if (Number.isNaN(this.getTime())) return 'Invalid Date';
        return write(new Date(this.getTime() + offsetOf(options?.timeZone) * 60_000), locales, options ?? {});
      },
    }[name],
    writable: true,
    configurable: true,
  });
}
install('toLocaleDateString', day);
install('toLocaleTimeString', time);
install(
  'toLocaleString',
  (date, locales, options) => `${day(date, locales)}${isChinese(locales) ? ' ' : ', '}${time(date, locales, options)}`,
);

function grouped(text) {
  return text.replace(/\B(?=(\d{3})+$)/g, ',');
}

Object.defineProperty(Number.prototype, 'toLocaleString', {
  value: {
    toLocaleString(_, { minimumFractionDigits, maximumFractionDigits, useGrouping = true, style } = {}) {
      let value = Number(this);
      if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '-∞';
      if (style === 'percent') value *= 100;
      const least = minimumFractionDigits ?? 0;
      const most = Math.max(maximumFractionDigits ?? (style === 'percent' ? 0 : 3), least);
      const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?/.exec(value.toFixed(Math.min(most, 20)));
      const kept = fraction.replace(/0+$/, '').padEnd(least, '0');
      return `${sign}${useGrouping ? grouped(whole) : whole}${kept && `.${kept}`}${style === 'percent' ? '%' : ''}`;
    },
  }.toLocaleString,
  writable: true,
  configurable: true,
});
Object.defineProperty(BigInt.prototype, 'toLocaleString', {
  value: {
    toLocaleString() {
      return grouped(this.toString());
    },
  }.toLocaleString,
  writable: true,
  configurable: true,
});
