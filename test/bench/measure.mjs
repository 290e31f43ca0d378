/** How long a process takes and how much memory, several of them in turn; and tables of that. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { NODE_FLAGS } from '../../deploy/package/tree.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const folder = process.argv.find((arg) => arg.startsWith('--program='))?.slice('--program='.length);
const lib = folder === undefined ? undefined : join(folder, 'lib/hwerr-exporter');
/** The Node that runs ours. */
export const NODE = lib === undefined ? process.execPath : join(lib, 'node');
/** The command that runs ours: that of a package, where one is named. */
export const PROGRAM =
  folder === undefined ? [process.execPath, MAIN] : [join(folder, 'hwerr-exporter')];

/** The same by Node itself, with more flags. */
export function programWith(flags) {
  return lib === undefined
    ? [NODE, ...flags, MAIN]
    : [NODE, ...NODE_FLAGS, ...flags, join(lib, 'lib/main.js')];
}
/** GNU time (Debian package time): the one thing that tells the peak memory of a child. */
const TIME = '/usr/bin/time';

/** A directory that is gone when the program ends. */
export function scratch() {
  const directory = mkdtempSync(join(tmpdir(), 'hwerr-bench-'));
  process.on('exit', () => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** bash tells times in ms, GNU time in hundredths of a second; this alone tells the peak memory. */
const TIMED = `exec 3>&2; { TIMEFORMAT='%3R %3U %3S'; time "$@" 2>&3; } 2>"$0"`;

/**
 * Runs a command to its end.
 *
 * @returns seconds of wall clock and of CPU, peak memory in MiB, and what it printed; or why it failed.
 */
function timed(command, directory) {
  const [times, memory] = [join(directory, 'times'), join(directory, 'memory')];
  const { NODE_EXTRA_CA_CERTS, ...env } = process.env; // costs each start of Node some 20 ms
  const { stdout, stderr, status, error } = spawnSync(
    'bash',
    ['-c', TIMED, times, TIME, '--quiet', '-f', '%M', '-o', memory, ...command],
    { env, encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  if (error) throw error;
  if (status !== 0) return { failure: `${command[0]} ended with ${status}: ${stderr.trim()}` };
  const [wall, user, system] = readFileSync(times, 'utf8').trim().split(' ').map(Number);
  const kib = Number(readFileSync(memory, 'utf8'));
  return { seconds: wall, cpu: user + system, mib: kib / 1024, stdout };
}

/**
 * Runs every command so many times, taking turns, so that what else the machine does falls on all.
 * One run of each comes first and is not counted: it reads the files into memory.
 *
 * @param cases `{ name, command, check }`; `check` gets what was printed and throws if it is wrong.
 * @returns by name the medians, or `{ failure }` of those that cannot do it.
 */
export function inTurn(cases, runs, directory) {
  const samples = new Map(cases.map(({ name }) => [name, []]));
  const failures = new Map();
  for (let run = 0; run <= runs; run++) {
    for (const { name, command, check } of cases) {
      if (failures.has(name)) continue;
      const sample = timed(command, directory);
      if (sample.failure !== undefined) failures.set(name, sample);
      else {
        check?.(sample.stdout);
        if (run > 0) samples.get(name).push(sample);
      }
    }
  }
  return new Map([...samples].map(([name, all]) => [name, failures.get(name) ?? medians(all)]));
}

/** The median of each figure. */
export function medians(samples) {
  const names = Object.keys(samples[0]).filter((name) => typeof samples[0][name] === 'number');
  return Object.fromEntries(
    names.map((name) => [name, median(samples.map((sample) => sample[name]))]),
  );
}

export function median(values) {
  return percentile(values, 50);
}

export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

/** A table of Markdown: the first column is text, the others are numbers. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  console.log([line(head), line(rule), ...rows.map(line)].join('\n') + '\n');
}

/** Three digits are all that a benchmark knows. */
export function digits(value) {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 3));
}
