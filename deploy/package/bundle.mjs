// The program as a few files: the bundle, split so that a command loads what it needs, and compiled by the
// Node that runs it.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { build, transform } from 'esbuild';

/** What is started by its name: by the launcher, or as a thread of `new URL('./NAME.js', import.meta.url)`. */
const ENTRIES = {
  main: 'src/process.ts', // of main.ts, the package needs nothing: it has a Node that will do
  'decode-worker': 'src/decode/decode-worker.ts',
  'fetch-thread': 'src/decode/remote/fetch-thread.ts',
  'write-thread': 'src/ledger/write-thread.ts',
  'password-thread': 'src/http/password-thread.ts',
};
/**
 * What is loaded and never asked for: commander starts no command of ours as a process; the server reads no
 * bodies, parses queries itself, and says the type of all that it sends.
 */
const UNUSED = Object.fromEntries(
  ['node:child_process', 'body-parser', 'qs', 'mime-db'].map((name) => [
    name,
    './deploy/package/nothing.cjs',
  ]),
);
/** All files that `decode` loads, in one; threads, which load fewer, load them one by one. */
const TOGETHER = 'together.js';
const PARAMETERS = 'exports, require, module, __filename, __dirname, importMeta';
/** Dumps whose decoding says which functions are worth compiling. */
const TYPICAL = [
  'x86_64-7.3.4.zlib',
  'x86_64-7.3.4.lzo',
  'x86_64-7.3.4.zstd',
  'arm64-7.3.4.flat-zlib',
  'x86_64-7.3.4-errors.zlib',
  'x86_64-7.3.4-machine-check.zlib',
  'x86_64-6.12.117.zlib',
].map((name) => join('test/fixtures', name));

/**
 * Writes the bundle into a folder.
 *
 * @returns the folders of the packages that are in it, such as `node_modules/express`.
 */
export async function writeBundle(folder) {
  mkdirSync(folder, { recursive: true });
  const { outputFiles, metafile } = await build({
    entryPoints: ENTRIES,
    outdir: folder,
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    charset: 'ascii',
    alias: UNUSED,
    metafile: true,
    legalComments: 'none',
    logLevel: 'error',
  });
  const ofDecode = neededByDecode(metafile.outputs);
  const together = [];
  for (const { path, text } of outputFiles) {
    const name = basename(path);
    const isEntry = name.replace(/\.js$/, '') in ENTRIES;
    const body = isEntry ? name.replace(/\.js$/, '-body.js') : name;
    const script = await asScript(text);
    writeFileSync(join(folder, body), script);
    if (ofDecode.has(name)) together.push(`'${body}': ${script}`);
    const names = name === 'main.js' ? [body, TOGETHER] : [body];
    const load = `require('./loader.cjs')(${names.map((one) => `'${one}'`).join(', ')});\n`;
    if (isEntry) writeFileSync(join(folder, name), load);
  }
  writeFileSync(join(folder, TOGETHER), `({${together.join(',\n')}})\n`);
  copyFileSync('deploy/package/loader.cjs', join(folder, 'loader.cjs'));
  copyFileSync('src/cli/sample.vmcore.gz', join(folder, 'sample.vmcore.gz'));
  return packagesIn(Object.keys(metafile.inputs));
}

/** A module of the bundle as a function that loader.cjs calls. */
async function asScript(text) {
  const { code } = await transform(text.replace(/^#!.*\n/, ''), {
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    charset: 'ascii',
    supported: { 'dynamic-import': false },
    define: { 'import.meta': 'importMeta' },
  });
  const lean = text.includes('var __toESM') ? code : withoutCopies(code);
  return `(function (${PARAMETERS}) {${lean}})\n`;
}

/**
 * With simpler ones for two helpers of esbuild, which make a getter for each name of each module that is
 * imported, and one more for each that the module itself has.
 */
function withoutCopies(code) {
  const helpers = {
    toESM: `(mod, isNodeMode) =>
  isNodeMode || !mod.__esModule ? __create(mod, { default: { value: mod } }) : mod`,
    toCommonJS: `(mod) => __defProp(mod, '__esModule', { value: true })`,
  };
  return code
    .replace(/^var __toESM = .*?^\)\);$/ms, `var __toESM = ${helpers.toESM};`)
    .replace(/^var __toCommonJS = .*;$/m, `var __toCommonJS = ${helpers.toCommonJS};`);
}

function packagesIn(inputs) {
  const folders = inputs.map(
    (path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0],
  );
  return [...new Set(folders)].filter((folder) => folder !== undefined).sort();
}

/**
 * Names of the files that `decode` loads. To open them one by one takes 3 % of its CPU time.
 *
 * @param outputs of esbuild's metafile.
 */
function neededByDecode(outputs) {
  const entries = ['src/process.ts', 'src/cli/decode.ts', 'src/cli/terminal.ts'];
  const needed = new Set(
    Object.keys(outputs).filter((path) => entries.includes(outputs[path].entryPoint)),
  );
  for (const path of needed) {
    for (const { path: other, kind } of outputs[path].imports) {
      if (kind === 'import-statement' && other in outputs) needed.add(other);
    }
  }
  return new Set([...needed].map((path) => basename(path)));
}

/** Of V8, behind its interpreter. */
const COMPILERS = ['sparkplug', 'maglev', 'turbo'];

/**
 * Compiles the bundle.
 *
 * @param node the command that runs the Node of the package, with arguments for an emulator before it.
 */
export function compile(folder, node) {
  const run = (...args) =>
    execFileSync(
      node[0],
      [
        ...node.slice(1),
        '--hash-seed=1',
        '--no-flush-bytecode',
        ...COMPILERS.map((compiler) => `--${compiler}-filter=-*`),
        '--require',
        join(process.cwd(), 'deploy/package/keep-compiled.cjs'),
        ...args,
      ],
      { env: { PATH: process.env.PATH }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
  run(join(folder, 'main.js'), 'decode', ...TYPICAL);
  // Of the other files, what they do when they are loaded: process.ts, which would serve, is in TOGETHER.
  const names = readdirSync(folder);
  const rest = names.filter(
    (name) => name.endsWith('.js') && !names.includes(`${name}.code`) && !isThread(name),
  );
  const load = `const load = require(${JSON.stringify(join(folder, 'loader.cjs'))});
const [first, ...others] = ${JSON.stringify(rest)};
load(first, '${TOGETHER}');
for (const name of others) load(name);`;
  run('--eval', load);
}

/** Threads run with other flags than those that the code is compiled with, see process.ts. */
function isThread(name) {
  return Object.keys(ENTRIES).some(
    (entry) => name === `${entry}.js` || name === `${entry}-body.js`,
  );
}
