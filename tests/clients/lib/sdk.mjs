// The published packages, as they are. The 5.x package allows one Realtime object per app id and per copy of itself
// (P-17), so every device gets a copy of its own: the same files, loaded afresh with everything they depend on.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const PACKAGES_FOLDER = fileURLToPath(new URL('../node_modules/', import.meta.url));
const PACKAGE_BY_VERSION = { '5.0.0-rc.8': 'leancloud-realtime', '4.3.1': 'leancloud-realtime-4' };

export const NEWEST_SDK = '5.0.0-rc.8';
export const OLD_SDK = '4.3.1';

// The SDK says so each time it merges two identical questions, which is its normal work and not a fault.
const warn = console.warn;
console.warn = (...words) => {
  if (!String(words[0]).startsWith('Duplicated command')) warn(...words);
};

/** A fresh copy of the package of this version; shares no state with any other copy. */
export function loadSdk(version = NEWEST_SDK) {
  for (const path of Object.keys(require.cache)) {
    if (path.startsWith(PACKAGES_FOLDER)) delete require.cache[path];
  }
  return require(PACKAGE_BY_VERSION[version]);
}
