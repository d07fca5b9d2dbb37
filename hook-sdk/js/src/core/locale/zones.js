'use strict';
// Time zones. One that is not here is an error: it is better than a wrong time.

/** Zones that never change their clocks: minutes east of UTC. */
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

/** Sundays on which clocks change, as [month from 0, first day that it may be, UTC hour or null for two o'clock local time]. */
const rules = {
  us: { since: 2007, begin: [2, 8, null], end: [10, 1, null] },
  eu: { since: 1997, begin: [2, 25, 1], end: [9, 25, 1] },
};

/** Zones with summer time: minutes east of UTC in winter, and the rule. */
const changing = {
  'America/New_York': [-300, 'us'],
  'America/Toronto': [-300, 'us'],
  'America/Chicago': [-360, 'us'],
  'America/Denver': [-420, 'us'],
  'America/Los_Angeles': [-480, 'us'],
  'America/Vancouver': [-480, 'us'],
  'Europe/London': [0, 'eu'],
  'Europe/Dublin': [0, 'eu'],
  'Europe/Lisbon': [0, 'eu'],
  'Europe/Paris': [60, 'eu'],
  'Europe/Berlin': [60, 'eu'],
  'Europe/Madrid': [60, 'eu'],
  'Europe/Rome': [60, 'eu'],
  'Europe/Amsterdam': [60, 'eu'],
  'Europe/Brussels': [60, 'eu'],
  'Europe/Vienna': [60, 'eu'],
  'Europe/Zurich': [60, 'eu'],
  'Europe/Stockholm': [60, 'eu'],
  'Europe/Athens': [120, 'eu'],
  'Europe/Helsinki': [120, 'eu'],
};

let local = { name: 'UTC', offset: 0 };

const named = (table, asked) =>
  Object.entries(table).find(([name]) => name.toLowerCase() === String(asked).toLowerCase());

/** A zone by its name in any case, or the local one: its name, minutes east of UTC in winter, and its rule of summer time. */
function zoneOf(asked) {
  if (asked === undefined) return local;
  const known = named(offsets, asked);
  if (known) return { name: known[0], offset: known[1] };
  const [name, [offset, rule] = []] = named(changing, asked) ?? [];
  if (name) return { name, offset, rule: rules[rule] };
  const [text, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(asked) ?? [];
  if (sign) return { name: text, offset: (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) };
  const offered = [...Object.keys(offsets), ...Object.keys(changing)].join(', ');
  throw new RangeError(`Invalid time zone specified: ${asked} (the sandbox has ${offered} and offsets such as +08:00)`);
}

function sundayFrom(year, [month, day, hour], offset) {
  const first = new Date(Date.UTC(year, month, day));
  const days = (7 - first.getUTCDay()) % 7;
  return first.getTime() + days * 86_400_000 + (hour === null ? 120 - offset : hour * 60) * 60_000;
}

/** Minutes east of UTC at a time in milliseconds. */
function offsetAt({ name, offset, rule }, time) {
  if (!rule) return offset;
  const year = new Date(time + offset * 60_000).getUTCFullYear();
  if (year < rule.since) throw new RangeError(`the sandbox knows the summer time of ${name} since ${rule.since}`);
  const [begin, end] = [sundayFrom(year, rule.begin, offset), sundayFrom(year, rule.end, offset + 60)];
  return time >= begin && time < end ? offset + 60 : offset;
}

/** From here on local times are those of a zone, as the variable TZ names it. Answers its offset. */
function setLocalZone(asked = 'UTC') {
  const zone = zoneOf(asked);
  if (zone.rule) throw new RangeError(`local times cannot have the summer time of ${zone.name}`);
  local = zone;
  return local.offset;
}

module.exports = { zoneOf, offsetAt, setLocalZone };
