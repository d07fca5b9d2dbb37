// Makes engine/src/generated/shim.js: one script for the engine. What most hooks never use is in it as text, which is
// evaluated when it is first required: it costs a release no time and a snapshot no objects.
// Usage: node build.mjs [--check]   (--check: fail where the checked-in script differs)
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, 'engine/src/generated/shim.js');

/** Folders of modules that are evaluated when they are required, and how their names begin. */
const folders = { node: '', web: 'web:', leanengine: '', redis: '', internal: 'internal:' };

/** Modules that are a package and little else. */
const packaged = new Set([
  'stream',
  'streams',
  'url',
  'zlib',
  'trace-mapping',
  'ciphers',
  'querystring',
  'string_decoder',
  'punycode',
]);

/** What a package asks for, and what it gets instead. */
const aliases = {
  'abort-controller': 'web:abort',
  'safe-buffer': 'buffer',
  'util/': 'util',
  inherits: 'internal:inherits',
};

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.js') && !entry.name.startsWith('_'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const sources = {};
for (const [folder, prefix] of Object.entries(folders)) {
  const root = join(here, 'src', folder);
  for (const file of filesOf(root)) {
    sources[prefix + relative(root, file).replace(/\.js$/, '')] = file;
  }
}
const core = ['events', 'path', 'util', 'process', 'buffer', 'timers', 'console', 'module', 'constants'];

async function bundle(entry, lazy) {
  const known = new Set([...Object.keys(sources), ...core]);
  const result = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: lazy ? 'cjs' : 'iife',
    platform: 'neutral',
    mainFields: ['main'],
    conditions: ['require', 'default'],
    target: 'es2022',
    minifySyntax: true,
    minifyWhitespace: true,
    // Of packages' code, nobody reads the names in a trace; those of classes can be seen by users.
    minifyIdentifiers: lazy && packaged.has(basename(entry, '.js')),
    keepNames: lazy && packaged.has(basename(entry, '.js')),
    charset: 'ascii',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
    // unenv warns of functions that Node itself only documents as old.
    drop: entry.endsWith('node/url.js') ? ['console'] : [],
    plugins: [
      {
        name: 'builtins',
        setup(build) {
          build.onLoad({ filter: /.*/, namespace: 'lazy-modules' }, () => ({
            contents: JSON.stringify(lazyTexts),
            loader: 'json',
          }));
          build.onResolve({ filter: /.*/ }, async ({ path, kind, pluginData }) => {
            if (kind === 'entry-point' || pluginData === 'npm') return undefined;
            if (path === 'lazy-modules') return { path, namespace: 'lazy-modules' };
            if (path.startsWith('npm:'))
              return build.resolve(path.slice(4), { kind, resolveDir: here, pluginData: 'npm' });
            if (/^(internal|web):/.test(path)) return { path, external: true };
            const plain = path.replace(/^node:/, '').replace(/\/$/, '');
            const alias = aliases[plain] ?? aliases[path];
            if (alias) return { path: alias, external: true };
            if (known.has(plain) && !path.startsWith('.')) return { path: plain, external: true };
            return undefined;
          });
        },
      },
    ],
  });
  return result.outputFiles[0].text.trimEnd();
}

const lazyTexts = {};
for (const [name, file] of Object.entries(sources)) lazyTexts[name] = await bundle(file, true);
const script = `// Generated from hook-sdk/js/src by build.mjs. Do not edit.\n${await bundle(join(here, 'src/entry.js'), false)}\n`;

if (process.argv.includes('--check')) {
  if (readFileSync(output, 'utf8') !== script) {
    console.error(
      'hook-sdk/js/engine/src/generated/shim.js is not what its sources make: run `npm run build` in hook-sdk/js',
    );
    process.exit(1);
  }
} else {
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, script);
  if (process.argv.includes('--sizes')) {
    const sizes = Object.entries(lazyTexts)
      .map(([name, text]) => [name, text.length])
      .sort((a, b) => b[1] - a[1]);
    console.table(Object.fromEntries([['(all)', script.length], ...sizes]));
  }
}
