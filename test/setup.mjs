/**
 * What a fresh clone needs before `npm test` and `npm run demo`: node_modules as package-lock.json
 * says, and dist/ newer than its sources. Among node_modules is the Node that npm runs the script
 * itself with (test/node/package.json): npm looks for programs in node_modules/.bin first. Only this
 * file may run on the machine's own Node, whatever that is: plain JavaScript without dependencies.
 * It does nothing when both are up to date.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

// The machine's own Node may be older than the packages ask for: that is no warning's worth.
const QUIETLY = ['--no-audit', '--no-fund', '--loglevel=error'];

if (!installedAsLocked()) npm('ci', '--include=dev', '--include=optional', ...QUIETLY);
if (!builtFromSources()) npm('run', 'build');

/** npm keeps its own record of what it installed; compare that with what the lock file asks for. */
function installedAsLocked() {
  const record = 'node_modules/.package-lock.json';
  if (!existsSync(record)) return false;
  const installed = packagesIn(record);
  const locked = packagesIn('package-lock.json');
  const ownNode = `node_modules/node-${process.platform}-${process.arch}`;
  const wanted = Object.entries(locked).filter(
    ([path, entry]) =>
      path !== '' &&
      (path === ownNode || installed[path] || !(entry.optional || entry.devOptional)),
  );
  return (
    wanted.every(([path, entry]) => installed[path]?.integrity === entry.integrity) &&
    Object.keys(installed).every((path) => path in locked)
  );
}

function packagesIn(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

/** Folders count too: removing a source file touches its folder. */
function builtFromSources() {
  if (!existsSync('dist/main.js')) return false;
  const sources = ['tsconfig.json', 'package-lock.json', 'src', ...entriesIn('src')];
  const outputs = entriesIn('dist').filter((path) => path.endsWith('.js'));
  return Math.max(...sources.map(mtimeMs)) < Math.min(...outputs.map(mtimeMs));
}

function entriesIn(folder) {
  return readdirSync(folder, { recursive: true }).map((path) => join(folder, path));
}

function mtimeMs(path) {
  return statSync(path).mtimeMs;
}

function npm(...args) {
  console.log(`> npm ${args.join(' ')}`);
  const cli = process.env.npm_execpath;
  const [command, before] = cli ? [process.execPath, [cli]] : ['npm', []];
  const { status } = spawnSync(command, [...before, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
