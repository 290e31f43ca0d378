/**
 * `npm run demo`: the real daemon over dumps of real kernels, in a directory laid out as
 * distributions do. Prints what Prometheus would scrape and runs until Ctrl-C, so that it can be
 * looked at in a browser.
 *
 *   npm run demo -- --once         print and end, as it does by itself where CI is set
 *   npm run demo -- --port=10050   another port; 0 is any free one
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Where each fixture goes. The first two are the same crash, written twice. */
const STORE = [
  ['127.0.0.1-2026-10-03-04:05:51/vmcore', 'x86_64-7.3.4.zlib', 'Fedora, RHEL'],
  ['copy-of-2026-10-03/vmcore', 'x86_64-7.3.4.elf', 'the same crash again'],
  ['202608091312/dump.202608091312', 'arm64-7.3.4.flat-zlib', 'Debian, Ubuntu'],
  ['2026-08-08-20:11/vmcore', 'x86_64-6.19.10-no-note.flat-zlib', 'SUSE'],
  [
    '2026-08-07-18:00/vmcore',
    'x86_64-6.18.12-no-hwerr.flat-zlib',
    'before Linux 6.19: no counters',
  ],
];

/** What to show, and what it means. */
const SHOWN = [
  ['hwerr_crashes_total', 'Crashes recorded: a crash that two files describe counts once'],
  ['hwerr_recoverable_errors_total', 'Hardware errors those kernels survived before they crashed'],
  [
    'hwerr_last_suspect_crash_errors',
    'The newest crash that an error came shortly before: its errors',
  ],
  ['hwerr_last_suspect_crash_error_lead_seconds', 'How long before its panic the last error came'],
  ['hwerr_last_suspect_crash_info', 'What crashed'],
  ['hwerr_dumps_without_hwerr_data_total', 'Dumps of kernels that do not count hardware errors'],
];

const DEADLINE_MS = 60_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    once: { type: 'boolean', default: Boolean(process.env.CI) },
    port: { type: 'string', default: '10048' },
  },
});

const place = mkdtempSync(join(tmpdir(), 'hwerr-demo-'));
const directory = join(place, 'crash');
process.on('exit', () => {
  rmSync(place, { recursive: true, force: true });
});
for (const [path, fixture] of STORE) {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  copyFileSync(join(root, 'test/fixtures', fixture), join(directory, path));
}

const daemon = spawn(
  process.execPath,
  [
    join(root, 'dist/main.js'),
    ...['--kdump.path', directory],
    ...['--ledger.path', join(place, 'ledger')],
    ...['--kdump.settle', '500ms'],
    ...['--web.listen-address', `:${options.port}`],
  ],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
let log = '';
daemon.stderr.setEncoding('utf8').on('data', (piece) => {
  log += piece;
});
const ended = once(daemon, 'close');
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopping = true;
    daemon.kill('SIGTERM');
  });
}

try {
  const port = await eventually(() => /msg=listening port=(\d+)/.exec(log)?.[1]);
  const url = `http://localhost:${port}`;
  const metrics = await eventually(async () => {
    const body = await (await fetch(`${url}/metrics`)).text();
    // Crashes are shown when the first look at the directory is recorded.
    const isDone =
      body.includes(`\nhwerr_dumps_decoded_total ${STORE.length}\n`) &&
      body.includes('\nhwerr_crashes_total ');
    return isDone ? body : undefined;
  });
  show(metrics, url);
  if (options.once) daemon.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new Error(`the daemon ended with code ${code}\n\n${log}`);
} catch (error) {
  if (!stopping) {
    console.error(`The demo failed: ${error.message}`);
    process.exitCode = 1;
  }
} finally {
  daemon.kill('SIGTERM');
  await ended;
}

/** The first value that is not undefined, while the daemon runs. */
async function eventually(probe) {
  const deadline = Date.now() + DEADLINE_MS;
  while (Date.now() < deadline) {
    if (daemon.exitCode !== null || daemon.signalCode !== null) {
      await ended;
      throw new Error(whyItEnded());
    }
    const value = await probe();
    if (value !== undefined) return value;
    await sleep(50);
  }
  throw new Error(`not ready after ${DEADLINE_MS / 1000} s\n\n${log}`);
}

function whyItEnded() {
  if (!log.includes('EADDRINUSE')) return `the daemon ended\n\n${log}`;
  return (
    `port ${options.port} is taken, perhaps by another demo or exporter.\n` +
    'End that one, or choose another port: npm run demo -- --port=10050'
  );
}

function show(metrics, url) {
  const width = Math.max(...STORE.map(([path]) => path.length));
  console.log(`The dump directory ${directory} holds ${STORE.length} dumps of real kernels:\n`);
  for (const [path, fixture, note] of STORE) {
    console.log(`  ${path.padEnd(width)}  ${fixture} (${note})`);
  }
  console.log('\nThe daemon has decoded them, without debuginfo. Prometheus would now scrape:');
  for (const [name, meaning] of SHOWN) {
    console.log(`\n  # ${meaning}`);
    for (const line of metrics.split('\n')) {
      if (/^\w+/.exec(line)?.[0] === name) console.log(`  ${line}`);
    }
  }
  console.log(`\nAll of it: ${url}/metrics`);
  console.log(`The page for people: ${url}/`);
  if (!options.once) {
    console.log(
      '\nThe daemon goes on watching: copy a dump into the directory, and it shows there.',
    );
    console.log('Ctrl-C ends it and removes the directory.');
  }
}
