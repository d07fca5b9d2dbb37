'use strict';
// Numbers as Node writes them in English and Chinese.
const signs = {
  USD: ['$', 'US$'],
  CNY: ['CN¥', '¥'],
  EUR: ['€', '€'],
  GBP: ['£', '£'],
  JPY: ['¥', 'JP¥'],
  HKD: ['HK$', 'HK$'],
  TWD: ['NT$', 'NT$'],
  KRW: ['₩', '￦'],
  INR: ['₹', '₹'],
};
const whole = ['JPY', 'KRW'];

const grouped = (text) => text.replace(/\B(?=(\d{3})+$)/g, ',');

function currencySign(currency, isChinese) {
  const code = String(currency).toUpperCase();
  if (!/^[A-Z]{3}$/.test(code)) throw new TypeError('Currency code is required with currency style.');
  return signs[code]?.[isChinese ? 1 : 0] ?? `${code}\u00a0`;
}

/** A function that writes a number. */
module.exports = function numberWriter(locale, options) {
  if (!/^(en|zh)\b/.test(locale) || /-IN$/.test(locale))
    throw new RangeError(`the sandbox writes numbers for English and Chinese, not for ${locale}`);
  const {
    minimumIntegerDigits = 1,
    minimumFractionDigits,
    maximumFractionDigits,
    useGrouping = true,
    style,
    currency,
  } = options;
  const refused = ['notation', 'unit', 'compactDisplay', 'minimumSignificantDigits', 'maximumSignificantDigits'].find(
    (name) => options[name] !== undefined,
  );
  if (refused) throw new RangeError(`the sandbox cannot write numbers with \`${refused}\`; write them in the hook`);
  const sign = style === 'currency' ? currencySign(currency, /^zh\b/.test(locale)) : '';
  const usual = style === 'currency' ? (whole.includes(String(currency).toUpperCase()) ? 0 : 2) : 0;
  const least = minimumFractionDigits ?? Math.min(usual, maximumFractionDigits ?? usual);
  const most = Math.max(maximumFractionDigits ?? (style === 'percent' ? 0 : style === 'currency' ? usual : 3), least);
  return (given) => {
    const value = Number(given) * (style === 'percent' ? 100 : 1);
    if (Number.isNaN(value)) return `${sign}NaN`;
    const minus = value < 0 || Object.is(value, -0) ? '-' : '';
    if (!Number.isFinite(value)) return `${minus}${sign}∞`;
    const [, digits, fraction = ''] = /^(\d+)(?:\.(\d+))?/.exec(
      typeof given === 'bigint' ? String(given).replace('-', '') : Math.abs(value).toFixed(Math.min(most, 20)),
    );
    const kept = fraction.replace(/0+$/, '').padEnd(least, '0');
    const padded = digits.padStart(minimumIntegerDigits, '0');
    return `${minus}${sign}${useGrouping ? grouped(padded) : padded}${kept && `.${kept}`}${style === 'percent' ? '%' : ''}`;
  };
};
