// The text of a log beside a dump that has none of its own.

import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const TEXT = `[   32.514997] pcieport 0000:00:02.0: AER: Uncorrectable (Non-Fatal) error message received from 0000:01:00.0
[   41.756159] Kernel panic - not syncing: sysrq triggered crash
`;

/** What is said of a dump of that name, beside these files. */
async function reportOf(
  name: string,
  files: Readonly<Record<string, string>>,
  dump = 'x86_64-7.3.4.zlib',
): Promise<CrashReport> {
  const directory = tempDir();
  mkdirSync(join(directory, dirname(name)), { recursive: true });
  copyFileSync(fixture(dump), join(directory, name));
  for (const [text, content] of Object.entries(files))
    writeFileSync(join(directory, text), content);
  return decoded(directory, name);
}

async function decoded(root: string, name: string): Promise<CrashReport> {
  const outcome = await decodeFile(join(root, name), { symbolPaths: [], root });
  if (outcome.kind !== 'report') throw new Error(outcome.kind);
  return outcome.report;
}

describe('the text beside a dump without a log', () => {
  it.each([
    ['vmcore', 'vmcore-dmesg.txt'],
    ['vmcore-incomplete', 'vmcore-dmesg-incomplete.txt'],
    ['vmcore', 'dmesg.txt'],
    ['vmcore', 'dmesg'],
    ['dump.202610030405', 'dmesg.202610030405'],
    ['202610030405/dump-incomplete', '202610030405/dmesg.202610030405'],
    ['10.0.0.7-202610030405/vmcore-incomplete', '10.0.0.7-202610030405/dmesg.202610030405'],
  ])('is read, and marked as what anybody may have written: %s, %s', async (name, text) => {
    expect(await reportOf(name, { [text]: TEXT })).toMatchObject({
      log: { source: 'text', forgeable: true, records: 2 },
      hardwareEvents: [{ category: 'pci', severity: 'recoverable' }],
      panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
      crash: { type: 'sysrq', leadSeconds: 9.241162 },
      hwerr: { kind: 'present' },
    });
  });

  it.each([
    ['of another dump', 'dump.202610030405', { 'dmesg.202610030406': TEXT }],
    [
      'of another dump, beside one that was given up',
      '202610030405/dump-incomplete',
      { '202610030405/dmesg.202610030406': TEXT },
    ],
    ['of whichever dump', 'a.vmcore', { 'dmesg.txt': TEXT }],
    ['of the kernel that dumped', 'vmcore', { 'kexec-dmesg.log': TEXT }],
    ['of nothing', 'vmcore', { dmesg: '' }],
    ['of broken JSON', 'vmcore', { dmesg: '{"dmesg": [' }],
    ['of more than 16 MiB', 'vmcore', { dmesg: TEXT.padEnd((16 << 20) + 1, '\n') }],
  ])('is left alone: %s', async (_, name, files) => {
    const { log, panicMessage } = await reportOf(name, files);
    expect({ log, panicMessage }).toEqual({
      log: { source: 'absent', reason: 'page_excluded' },
      panicMessage: null,
    });
  });

  it('is left alone where it is a link, or no file', async () => {
    const directory = tempDir();
    copyFileSync(fixture('x86_64-7.3.4.zlib'), join(directory, 'vmcore'));
    const secret = join(tempDir(), 'secret');
    writeFileSync(secret, TEXT);
    symlinkSync(secret, join(directory, 'vmcore-dmesg.txt'));
    mkdirSync(join(directory, 'dmesg'));
    expect((await decoded(directory, 'vmcore')).log.source).toBe('absent');
  });

  it('is not asked where the dump has its log', async () => {
    const { log } = await reportOf('vmcore', { dmesg: TEXT }, 'x86_64-7.3.4-log.zlib');
    expect(log).toMatchObject({ source: 'ring', forgeable: false });
  });
});
