// Records of pstore: a panic that left no dump, as a report.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, deflateSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { verdictOf } from '../../src/triage.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import { verdictText } from '../../src/wording.ts';
import {
  PSTORE_TIME,
  partName,
  pstoreLines,
  pstoreParts,
  writeMoved,
  writePstore,
} from '../support/dumps/pstore-files.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const PARTS = pstoreParts(pstoreLines());

async function reportOf(path: string, root?: string): Promise<CrashReport> {
  const outcome = await decodeFile(path, { symbolPaths: [], ...(root !== undefined && { root }) });
  if (outcome.kind !== 'report') throw new Error(JSON.stringify(outcome));
  return outcome.report;
}

async function reasonOf(path: string): Promise<string> {
  const outcome = await decodeFile(path, { symbolPaths: [] });
  return outcome.kind === 'failure' ? outcome.failure.reason : outcome.kind;
}

describe('a panic in pstore', () => {
  it('is a crash with the end of its log and no counters', async () => {
    const [path] = writePstore(tempDir(), 'efi', PARTS);
    const report = await reportOf(path!);
    expect(report).toMatchObject({
      container: 'pstore',
      kernelRelease: '7.3.4+deb13-cloud-amd64',
      crashTimeSeconds: PSTORE_TIME,
      incomplete: false,
      hwerr: { kind: 'absent', reason: 'pstore' },
      panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
      log: { source: 'text', records: 7, foreign: 1, forgeable: false, firstTime: 30 },
      crash: { uptimeSeconds: 41.756123, hardware: { vendor: 'Dell Inc.' } },
    });
    expect(report.hardwareEvents).toMatchObject([{ category: 'pci', severity: 'recoverable' }]);
    expect(verdictText(verdictOf(report, 300))).toBe(
      'PCI error at 0000:01:00.1, 9.24 s before the panic (in the log)',
    );
  });

  it('says so where the log has no error: that is less than counters of zero', async () => {
    const lines = pstoreLines().filter((line) => !line.includes('AER'));
    const [path] = writePstore(tempDir(), 'efi', pstoreParts(lines));
    expect(verdictText(verdictOf(await reportOf(path!), 300))).toBe(
      'No dump; the log in pstore has no hardware error from 30 s after boot on',
    );
  });

  it.each(['efi', 'ramoops'] as const)(
    'is the same whichever part of %s is read',
    async (backend) => {
      const paths = writePstore(tempDir(), backend, PARTS);
      const reports = await Promise.all(paths.map((path) => reportOf(path)));
      const logs = new Set(reports.map(({ vmcoreinfoLines }) => vmcoreinfoLines));
      expect(logs.size).toBe(1);
      expect(reports[0]!.crash?.panic).toContain('sysrq');
    },
  );

  it('is the same when systemd-pstore has joined its parts', async () => {
    const [live] = writePstore(tempDir(), 'efi', PARTS);
    const moved = await reportOf(writeMoved(tempDir(), PARTS));
    expect(moved).toEqual(await reportOf(live!));
  });

  it('is incomplete without one of its parts', async () => {
    const paths = writePstore(tempDir(), 'efi', PARTS);
    rmSync(paths[1]!);
    expect(await reportOf(paths[2]!)).toMatchObject({
      incomplete: true,
      panicMessage: null,
      crashTimeSeconds: PSTORE_TIME,
    });
    expect((await reportOf(paths[0]!)).incomplete).toBe(true);
  });

  it('is told from another one in the same directory', async () => {
    const directory = tempDir();
    const other = pstoreParts(pstoreLines('  999.000001', 'another one'));
    const efi = [
      ...writePstore(directory, 'efi', PARTS),
      ...writePstore(directory, 'efi', other, PSTORE_TIME + 3600),
    ];
    const panics = await Promise.all(efi.map(async (path) => (await reportOf(path)).panicMessage));
    expect(panics.map((panic) => panic!.slice(28))).toEqual([
      ...PARTS.map(() => 'sysrq triggered crash'),
      ...other.map(() => 'another one'),
    ]);
    // Of ramoops no name says what belongs together: each part is what it says.
    const ramoops = join(directory, 'ramoops');
    const [first] = writePstore(ramoops, 'ramoops', [PARTS[1]!, other[1]!]);
    expect((await reportOf(first!)).panicMessage).toContain('sysrq');
    expect((await reportOf(join(ramoops, 'dmesg-ramoops-1'))).panicMessage).toContain('another');
  });

  it.each(['Oops#1', 'Emergency#1', 'Shutdown#2'])(
    'is none when the record is %s',
    async (record) => {
      const [path] = writePstore(tempDir(), 'efi', pstoreParts(pstoreLines(), record));
      expect(await reasonOf(path!)).toBe('not_a_dump');
    },
  );

  it('follows no link out of its directory', async () => {
    const directory = tempDir();
    const [path, second] = writePstore(directory, 'efi', PARTS);
    const { records } = (await reportOf(path!)).log as { records: number };
    rmSync(second!);
    const { symlinkSync } = await import('node:fs');
    const outside = writePstore(tempDir(), 'efi', PARTS)[1]!;
    symlinkSync(outside, second!);
    expect((await reportOf(path!)).log).toMatchObject({ records: records - 2 });
  });
});

describe('a part that the kernel left compressed', () => {
  const name = `${partName('efi', 1)}.enc.z`;

  it.each([
    ['deflate', deflateRawSync],
    ['zlib', deflateSync],
  ] as const)('is read where it is %s', async (_name, deflate) => {
    const path = join(tempDir(), name);
    writeFileSync(path, deflate(PARTS[1]!));
    expect((await reportOf(path)).panicMessage).toContain('sysrq');
  });

  it('is named as what it is where it is anything else, however much it would become', async () => {
    const path = join(tempDir(), name);
    writeFileSync(path, Buffer.alloc(500, 'x'));
    expect(await reasonOf(path)).toBe('unsupported_compression');
    writeFileSync(path, deflateRawSync(Buffer.alloc(64 << 20)));
    expect(await reasonOf(path)).toBe('unsupported_compression');
  });
});
