import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { symbolFiles } from '../../src/decode/symbol-paths.ts';
import { readKcoreFile } from '../../src/host/kcore-file.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { kcoreFileOf } from '../support/builders/kcore-builder.ts';
import { BOOT_ID_TEXT, RELEASE, kernel } from '../support/builders/kernel-builder.ts';
import { linkedSymbols, systemMapText } from '../support/dumps/symbol-files.ts';
import { tempDir } from '../support/system/temp-dir.ts';

function written(bytes: Uint8Array): string {
  const path = join(tempDir(), 'kcore');
  writeFileSync(path, bytes);
  return path;
}

const noFiles = (): [] => [];

describe('readKcoreFile', () => {
  it('gives the counters, as plain data', () => {
    const outcome = readKcoreFile(written(kcoreFileOf(kernel())), noFiles);
    expect(outcome).toMatchObject({
      kind: 'read',
      report: { kernelRelease: RELEASE, bootId: BOOT_ID_TEXT, hwerr: { kind: 'present' } },
    });
    expect(structuredClone(outcome)).toEqual(outcome);
  });

  it('finds symbol files of the running kernel', () => {
    const built = kernel({ arrayName: null, release: '7.3.5-bare' });
    const directory = tempDir();
    writeFileSync(join(directory, 'System.map-7.3.5-bare'), systemMapText(linkedSymbols(built)));
    const path = written(kcoreFileOf(built));
    expect(readKcoreFile(path, noFiles)).toMatchObject({ report: { hwerr: { kind: 'absent' } } });
    expect(readKcoreFile(path, (kernel) => symbolFiles([directory]).open(kernel))).toMatchObject({
      report: { hwerr: { kind: 'present' } },
    });
  });

  it('says what it lacks where it may not read', async () => {
    const path = written(kcoreFileOf(kernel()));
    chmodSync(path, 0);
    expect(await asNobody(() => readKcoreFile(path, noFiles))).toMatchObject({
      kind: 'failure',
      failure: {
        reason: 'permission',
        message: expect.stringContaining('needs CAP_SYS_RAWIO and no lockdown') as string,
      },
    });
  });

  it.each([
    ['a kernel without it', join('/proc', 'no-such-kcore'), 'io', 'CONFIG_PROC_KCORE'],
    ['a container that hides it', '/dev/null', 'permission', 'is hidden here'],
    ['a directory', '/proc', 'permission', 'is hidden here'],
  ])('tells of %s', (_what, path, reason, words) => {
    expect(readKcoreFile(path, noFiles)).toMatchObject({
      kind: 'failure',
      failure: { reason, message: expect.stringContaining(words) as string },
    });
  });

  it('tells of a file that ends too early, or is none', () => {
    const whole = kcoreFileOf(kernel());
    const cut = written(whole.subarray(0, whole.length / 2));
    expect(readKcoreFile(cut, noFiles)).toMatchObject({
      report: { hwerr: { kind: 'unreadable', reason: 'truncated' } },
    });
    expect(readKcoreFile(written(new Uint8Array(100)), noFiles)).toMatchObject({
      failure: { reason: 'corrupt' },
    });
  });
});
