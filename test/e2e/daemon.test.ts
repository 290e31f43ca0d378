/**
 * The built daemon as a process of its own, on a port of its own, over real files.
 *
 * metrics.prom is what it must say of the dumps in golden below, less the series that differ from
 * run to run. `HWERR_UPDATE=1 npx vitest run --config test/vitest.config.ts test/e2e` writes
 * it anew; read the difference before you commit it.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { describe, expect, it, onTestFinished } from 'vitest';

import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { eventually } from '../support/system/eventually.ts';
import { fixture, writeSlowDump } from '../support/dumps/fixtures.ts';
import { run } from '../support/daemon/program.ts';
import { type Daemon, startDaemon, valueIn } from '../support/daemon/running-daemon.ts';
import { hungIt, mountHung } from '../support/system/hung-mount.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const GOLDEN = fileURLToPath(new URL('metrics.prom', import.meta.url));
const updating = process.env['HWERR_UPDATE'] !== undefined;

/** --kdump.settle of most tests here. */
const SETTLE_MS = 500;
const SETTLE = ['--kdump.settle', '500ms'];
const DUMP = 'x86_64-7.3.4.zlib';

/**
 * How soon a dump must show: the settle time and two seconds. A machine so busy that the daemon took
 * more than a second to start is given more in proportion.
 */
function promptMs({ startMs }: Daemon): number {
  return SETTLE_MS + 2000 * Math.max(1, startMs / 1000);
}

/** How long a crash takes to show depends on what else the machine does: one round in which it did little is enough. */
const ROUNDS = 5;

/** Has a daemon of its own write a dump, until its crash shows soon enough. @returns the last one. */
async function promptly(write: (daemon: Daemon) => Promise<void>): Promise<Daemon> {
  for (let round = 1; ; round++) {
    const daemon = await startDaemon(SETTLE);
    await write(daemon);
    const startMs = performance.now();
    await waitForValue(daemon, 'hwerr_crashes_total', 1);
    const tookMs = performance.now() - startMs;
    if (tookMs < promptMs(daemon)) return daemon;
    if (round === ROUNDS) expect(tookMs).toBeLessThan(promptMs(daemon));
    await daemon.stop();
  }
}

/** Series of files that show a dump, or that one could not be decoded. */
async function shown(daemon: Daemon): Promise<string[]> {
  const body = await daemon.metrics();
  return body.split('\n').filter((line) => SHOWING.test(line));
}

const SHOWING =
  /^hwerr_(recoverable_errors|crashes|dumps_decoded|dump_decode_failures)_total(\{.*\})? [1-9]/;

function copyAs(path: string, name: string = DUMP): void {
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(fixture(name), path);
}

async function waitForValue(daemon: Daemon, series: string, value: number): Promise<void> {
  await eventually(`${series} ${value}`, async () =>
    (await daemon.value(series)) === value ? true : undefined,
  );
}

describe('a dump', () => {
  it('shows in /metrics within the settle time and two seconds of its last byte', async () => {
    const daemon = await promptly(async (one) => {
      await eventually('ready', async () => (await fetch(`${one.url}/-/ready`)).ok || undefined);
      expect(await shown(one)).toEqual([]);
      copyAs(join(one.directory, '127.0.0.1-2026-10-03-04:05:51', 'vmcore'));
    });
    const body = await daemon.metrics();
    const errors = ['cpu', 'memory', 'pci', 'cxl', 'others'].map((category) =>
      valueIn(body, `hwerr_recoverable_errors_total{category="${category}"}`),
    );
    expect(errors).toEqual([0, 0, 7, 0, 10]);
    const lead = (category: string): number | undefined =>
      valueIn(body, `hwerr_last_crash_error_lead_seconds{category="${category}"}`);
    expect([lead('cpu'), lead('pci'), lead('others')]).toEqual([undefined, 9, 20]);
    const age = valueIn(body, 'hwerr_last_error_age_seconds{category="pci"}')!;
    expect(Math.abs(age - Math.max(0, Date.now() / 1000 - 1_791_000_342))).toBeLessThan(10);
  });

  it.each([
    ['faster', SETTLE_MS / 4],
    ['slower', SETTLE_MS * 2],
  ])('does not show while it is written, %s than the settle time', async (_speed, pauseMs) => {
    const bytes = readFileSync(fixture(DUMP));
    const ends = [4096, 500_000, bytes.length - 1, bytes.length];
    const daemon = await promptly(async (one) => {
      for (const [i, end] of ends.entries()) {
        appendFileSync(join(one.directory, 'vmcore'), bytes.subarray(ends[i - 1] ?? 0, end));
        if (end === bytes.length) break;
        await sleep(pauseMs);
        expect(await shown(one), `${end} bytes of ${bytes.length}`).toEqual([]);
      }
    });
    // What was decoded shows once it is durable, and is known to be a moment later.
    await waitForValue(daemon, 'hwerr_dumps_present{state="complete"}', 1);
    expect(await daemon.value('hwerr_recoverable_errors_total{category="pci"}')).toBe(7);
    expect(await daemon.metrics()).not.toMatch(/^hwerr_dump_decode_failures_total.* [1-9]/m);
  });

  it('shows when it is renamed from vmcore-incomplete, and not before', async () => {
    const daemon = await startDaemon(SETTLE);
    const directory = join(daemon.directory, '127.0.0.1-2026-10-03-04:05:51');
    copyAs(join(directory, 'vmcore-incomplete'));
    await sleep(SETTLE_MS + 1000);
    expect(await daemon.value('hwerr_dumps_discovered_total')).toBe(0);
    renameSync(join(directory, 'vmcore-incomplete'), join(directory, 'vmcore'));
    await waitForValue(daemon, 'hwerr_crashes_total', 1);
  });

  it('of a test of kdump itself is left alone', async () => {
    const daemon = await startDaemon(SETTLE);
    copyAs(join(daemon.directory, 'kdump-test-1', '127.0.0.1-2026-10-03', 'vmcore'));
    copyAs(join(daemon.directory, '127.0.0.1-2026-10-04', 'vmcore'), 'arm64-7.3.4.elf');
    await waitForValue(daemon, 'hwerr_crashes_total', 1);
    expect(await daemon.value('hwerr_dumps_discovered_total')).toBe(1);
  });

  it('keeps its numbers when it is pruned', async () => {
    const directory = tempDir();
    copyAs(join(directory, 'a', 'vmcore'));
    const daemon = await startDaemon(SETTLE, directory);
    await waitForValue(daemon, 'hwerr_crashes_total', 1);
    renameSync(join(directory, 'a'), join(tempDir(), 'a'));
    await waitForValue(daemon, 'hwerr_dumps_present{state="complete"}', 0);
    expect(await daemon.value('hwerr_crashes_total')).toBe(1);
    expect(await daemon.value('hwerr_recoverable_errors_total{category="pci"}')).toBe(7);
  });

  it('that takes long does not delay a scrape', async () => {
    const daemon = await startDaemon(SETTLE);
    writeSlowDump(join(daemon.directory, 'vmcore'), 64);
    await waitForValue(daemon, 'hwerr_decodes_in_progress', 1);
    for (let i = 0; i < 20; i++) await daemon.metrics();
    expect(await daemon.value('hwerr_decodes_in_progress')).toBe(1); // it takes minutes
  });
});

/** Where a distribution would have put each of them, oldest first; the first two are of one crash. */
const STORE: Readonly<Record<string, string>> = {
  '127.0.0.1-2026-10-03-04:05:51/vmcore': 'x86_64-7.3.4.zlib',
  'copies/x86_64.elf': 'x86_64-7.3.4.elf',
  '202610030405/dump.202610030405': 'arm64-7.3.4.flat-zlib',
  '2026-10-02-04:05/vmcore': 'x86_64-6.19.10-no-note.flat-zlib',
  '2026-10-01-04:05/vmcore': 'x86_64-6.18.12-no-hwerr.flat-zlib',
};

async function daemonOverStore(...flags: readonly string[]): Promise<Daemon> {
  const directory = tempDir();
  for (const [i, [path, name]] of Object.entries(STORE).entries()) {
    copyAs(join(directory, path), name);
    utimesSync(join(directory, path), 1000 + i, 1000 + i); // they are decoded newest first
  }
  writeFileSync(join(directory, 'notes'), 'not a dump, and nothing in its name says so');
  writeFileSync(join(directory, 'vmcore.bz2'), 'BZh91AY&SY and so on');
  const daemon = await startDaemon([...SETTLE, ...flags], directory);
  await waitForValue(daemon, 'hwerr_dumps_decoded_total', Object.keys(STORE).length);
  await waitForValue(daemon, 'hwerr_decode_queue_length', 0);
  await waitForValue(daemon, 'hwerr_decodes_in_progress', 0);
  // What was decoded shows once it is durable.
  await waitForValue(daemon, 'hwerr_dumps_present{state="complete"}', Object.keys(STORE).length);
  const packed = 'hwerr_dump_decode_failures_total{reason="unsupported_compression"}';
  await waitForValue(daemon, packed, 1);
  await waitForValue(daemon, 'hwerr_crashes_total', Object.keys(STORE).length - 1);
  return daemon;
}

/** Differ from run to run or from machine to machine: times of now, how long things took, versions. */
const VOLATILE = [
  'hwerr_last_error_age_seconds',
  'hwerr_dump_decode_duration_seconds_bucket',
  'hwerr_dump_decode_duration_seconds_sum',
  'hwerr_last_decode_timestamp_seconds',
  'hwerr_last_scan_timestamp_seconds',
  'hwerr_scan_duration_seconds',
  'hwerr_ledger_writes_total',
  'hwerr_time_seconds',
  'hwerr_recent_crashes',
  'hwerr_recent_suspect_crashes',
  'hwerr_last_crash_recorded_timestamp_seconds',
  'hwerr_last_recorded_crash_info',
  'hwerr_last_recorded_crash_timestamp_seconds',
  'hwerr_last_recorded_crash_errors',
  'hwerr_last_suspect_crash_recorded_timestamp_seconds',
  'hwerr_last_suspect_crash_info',
  'hwerr_last_suspect_crash_timestamp_seconds',
  'hwerr_last_suspect_crash_errors',
  'hwerr_last_suspect_crash_error_lead_seconds',
  'hwerr_last_decode_failure_timestamp_seconds',
  'hwerr_watch_events_total',
  'hwerr_kexec_crash_loaded',
  'hwerr_exporter_build_info',
];

function withoutVolatile(exposition: string): string {
  const isVolatile = (line: string): boolean => VOLATILE.includes(/^\w*/.exec(line)![0]);
  return exposition
    .split('\n')
    .filter((line) => !isVolatile(line))
    .join('\n');
}

describe('/metrics', () => {
  it('says of a store of dumps what metrics.prom says', async () => {
    const daemon = await daemonOverStore('--web.disable-exporter-metrics');
    const body = withoutVolatile(await daemon.metrics()).replaceAll(daemon.directory, '/var/crash');
    if (updating) writeFileSync(GOLDEN, body);
    expect(body).toBe(readFileSync(GOLDEN, 'utf8'));
  });

  it('has every metric of the catalogue in metrics.prom, and no other', () => {
    const names = [...readFileSync(GOLDEN, 'utf8').matchAll(/^# TYPE (\S+)/gm)].map(
      ([, name]) => name,
    );
    // Nobody asked for those of the running kernel.
    const asked = Object.keys(CATALOGUE).filter((name) => !name.startsWith('hwerr_live_'));
    expect(names.sort()).toEqual(asked.sort());
  });

  // Debian package: prometheus
  const promtool = needsTool('promtool');
  promtool.it('passes promtool check metrics, of the exporter itself and of dumps', async () => {
    const daemon = await daemonOverStore();
    const body = await daemon.metrics();
    expect(body).toContain('process_cpu_seconds_total');
    expect(valueIn(body, 'hwerr_crashes_total')).toBe(Object.keys(STORE).length - 1);
    const check = (input: string): { status: number | null; output: string } => {
      const { status, stdout, stderr } = spawnSync(promtool.path, ['check', 'metrics'], {
        input,
        encoding: 'utf8',
      });
      return { status, output: stdout + stderr };
    };
    expect(check(body)).toEqual({ status: 0, output: '' });
    expect(check(readFileSync(GOLDEN, 'utf8'))).toEqual({ status: 0, output: '' });
    expect(check('# TYPE a counter\na 1\n').status).not.toBe(0);
  });
});

describe('the daemon', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends with code 0 at %s', async (signal) => {
    const daemon = await startDaemon();
    expect(await daemon.stop(signal)).toBe(0);
    await daemon.logged(new RegExp(`msg=stopping signal=${signal}\n`));
    await expect(fetch(daemon.url)).rejects.toThrow();
  });

  it('ends in time also while it decodes and clients keep their connections', async () => {
    const daemon = await startDaemon(SETTLE);
    writeSlowDump(join(daemon.directory, 'vmcore'), 64);
    await waitForValue(daemon, 'hwerr_decodes_in_progress', 1);
    const silent = connect(daemon.port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => {
      silent.destroy();
    });
    await once(silent, 'connect');
    const startMs = performance.now();
    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(15_000); // what the unit gives it; the decode takes minutes
  });

  it('exits 1 and says so when its port is taken', async () => {
    const { port, directory } = await startDaemon();
    const { code, stdout, stderr } = await run([
      ...['--kdump.path', directory, '--web.listen-address', `127.0.0.1:${port}`],
      ...['--ledger.path', join(tempDir(), 'ledger')],
    ]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^hwerr-exporter: .*EADDRINUSE.*\n$/);
  });

  it('runs without its dump directory, says so, and takes it when it appears', async () => {
    const directory = join(tempDir(), 'crash');
    const daemon = await startDaemon([...SETTLE, '--kdump.rescan', '500ms'], directory);
    const up = `hwerr_directory_up{directory="${directory}"}`;
    await eventually('ready', async () => (await fetch(`${daemon.url}/-/ready`)).ok || undefined);
    expect(await daemon.value(up)).toBe(0);
    await daemon.logged(/level=error msg="cannot scan the dump directory" directory=\S+ /);
    cpSync(fixture(DUMP), join(directory, 'vmcore'));
    await waitForValue(daemon, up, 1);
    await waitForValue(daemon, 'hwerr_crashes_total', 1);
  });

  hungIt('shows the crashes that it knows while a directory hangs, and no zeros', async () => {
    const [ledger, calm, hung] = [tempDir(), tempDir(), tempDir()];
    copyAs(join(hung, 'vmcore'), 'x86_64-7.2.13.elf'); // below the mount
    const unmount = await mountHung(hung);
    const flags = [
      ...[...SETTLE, '--kdump.rescan', '500ms', '--ledger.path', ledger],
      ...['--kdump.path', calm, '--kdump.path', hung],
    ];
    const crashes = 'hwerr_crashes_total';
    const scanned = `hwerr_last_scan_timestamp_seconds{directory="${calm}"}`;
    const first = await startDaemon(flags);
    const [, startSeconds] = [
      ...(await first.until((scrape) => (scrape.get(scanned) ?? 0) > 0)),
    ].find(([series]) => series === scanned)!;
    // By then it waits no more for the directory that hangs.
    const later = await first.until((scrape) => scrape.get(scanned)! > startSeconds + 1.5);
    expect(later.has(crashes)).toBe(false);
    copyAs(join(calm, 'vmcore'));
    await waitForValue(first, crashes, 1);
    await first.stop('SIGKILL');
    const second = await startDaemon(flags);
    await waitForValue(second, crashes, 1);
    expect(await second.value(`hwerr_directory_up{directory="${hung}"}`)).toBe(0);
    await unmount();
    await waitForValue(second, crashes, 2);
  });

  it('logs every dump and every failure with its path, one line each, in JSON when asked', async () => {
    const directory = tempDir();
    const dump = join(directory, 'a\nlevel=error', 'vmcore');
    const bad = join(directory, 'bad.vmcore');
    copyAs(dump);
    writeFileSync(bad, 'not a dump at all');
    const daemon = await startDaemon([...SETTLE, '--log.format', 'json'], directory);
    await waitForValue(daemon, 'hwerr_dumps_decoded_total', 1);
    await waitForValue(daemon, 'hwerr_dump_decode_failures_total{reason="not_a_dump"}', 1);
    await daemon.logged(/"msg":"dump decoded".*\n/);
    await daemon.logged(/"msg":"dump not decoded".*\n/);
    const lines = daemon.log().split('\n').slice(0, -1);
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries).toContainEqual(
      expect.objectContaining({
        level: 'info',
        msg: 'dump decoded',
        path: dump,
        host: 'labhost',
        kernel: '7.3.4+deb13-cloud-amd64',
        hwerr: 'present',
        incomplete: false,
      }),
    );
    expect(entries).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'dump not decoded',
        path: bad,
        reason: 'not_a_dump',
      }),
    );
  });
});
