// The daemon beside pstore: a panic that leaves no dump, one that left a dump too, and what is no panic.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { decodeVmcore, type CrashReport } from '../../src/vmcore/index.ts';
import { bytesSource } from '../../src/vmcore/bytes/source.ts';
import { startDaemon } from '../support/daemon/running-daemon.ts';
import { run } from '../support/daemon/program.ts';
import {
  partName,
  pstoreLines,
  pstoreParts,
  writeMoved,
  writePstore,
} from '../support/dumps/pstore-files.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const DUMP = new URL('../fixtures/x86_64-7.3.4-log.zlib', import.meta.url);
const SETTLE = ['--kdump.settle', '100ms', '--kdump.rescan', '200ms'];

/** The end of the log of a dump, as pstore would have it. */
function partsOf({ crash }: CrashReport): string[] {
  const time = (Math.floor(crash!.uptimeSeconds! * 1e6) / 1e6).toFixed(6).padStart(12);
  const lines = pstoreLines(time).filter((line) => !line.includes('AER'));
  return pstoreParts(lines.map((line) => line.replace(/Kernel panic - not.*/, crash!.panic)));
}

it('a panic that only pstore tells of is a crash; with its dump it stays one crash, and gets its counters', async () => {
  const parts = partsOf(decodeVmcore(bytesSource(readFileSync(DUMP))));
  const [live, moved] = [tempDir(), tempDir()];
  writePstore(live, 'efi', parts);
  writePstore(live, 'ramoops', pstoreParts(pstoreLines(), 'Oops#1'));
  writeFileSync(join(live, 'console-ramoops-0'), 'Panic#1 Part1\n');
  writeFileSync(
    join(live, `${partName('efi', 9, 1_600_000_000)}.enc.z`),
    'neither deflate nor zlib',
  );
  const daemon = await startDaemon([...SETTLE, '--pstore.path', `${live},${moved},/nonexistent`]);
  const alone = await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === 1);
  const of = (scrape: ReadonlyMap<string, number>, name: string): string[] =>
    [...scrape.keys()].filter((series) => series.startsWith(name));
  expect(of(alone, 'hwerr_last_crash_info')[0]).toMatch(/format="pstore".*hwerr="pstore"/);
  expect(of(alone, 'hwerr_last_crash_recoverable_errors')).toEqual([]);
  expect(alone.get('hwerr_last_crash_recorded_timestamp_seconds')).toBeGreaterThan(0);
  expect(of(alone, 'hwerr_directory_up')).toHaveLength(3);
  const reason = 'hwerr_dump_decode_failures_total{reason="unsupported_compression"}';
  await daemon.until((scrape) => scrape.get(reason) === 1);

  // After the next boot systemd-pstore moves the record, and kdump's dump is found.
  rmSync(live, { recursive: true });
  mkdirSync(live);
  writeMoved(moved, parts);
  mkdirSync(join(daemon.directory, '1'));
  copyFileSync(DUMP, join(daemon.directory, '1', 'vmcore'));
  const counted = 'hwerr_recoverable_errors_total{category="pci"}';
  const both = await daemon.until((scrape) => scrape.get(counted) === 7);
  await daemon.until(
    (scrape) => (scrape.get('hwerr_dumps_present{state="complete"}') ?? 0) > parts.length,
  );
  expect((await daemon.scrape()).get('hwerr_crashes_total')).toBe(1);
  expect(of(both, 'hwerr_last_crash_info')[0]).toMatch(/format="kdump".*hwerr="present"/);
});

it('the help of each metric of dumps names records of pstore where it counts them, and only there', async () => {
  const records = tempDir();
  writePstore(records, 'efi', pstoreParts(pstoreLines()));
  const daemon = await startDaemon([...SETTLE, '--pstore.path', records]);
  await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === 1);
  await daemon.until((scrape) => (scrape.get('hwerr_dumps_present{state="complete"}') ?? 0) > 0);
  const exposed = await daemon.metrics();
  const helps = [...exposed.matchAll(/^# HELP (hwerr_dumps_\w+) (.*)$/gm)];
  const counting = helps.filter(([, name]) => new RegExp(`^${name}\\b.* [1-9]`, 'm').test(exposed));
  expect(counting.length).toBeGreaterThan(0);
  expect(helps.filter(([, , help]) => help!.includes('pstore'))).toEqual(counting);
});

it('decode reads a record by itself', async () => {
  const [path] = writePstore(tempDir(), 'efi', pstoreParts(pstoreLines()));
  const { code, stdout } = await run(['decode', path!]);
  expect(code).toBe(0);
  expect(stdout).toContain('PCI error at 0000:01:00.1, 9.24 s before the panic');
  expect(stdout).toContain('no counters: there is no dump');
});
