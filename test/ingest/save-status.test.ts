import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { readSaveStatus, saveStatus } from '../../src/ingest/save-status.ts';
import { makeFifo } from '../support/system/make-fifo.ts';
import { tempDir } from '../support/system/temp-dir.ts';

describe('saveStatus', () => {
  it.each([
    ['when it begins', 'This file will be overwritten when the dump is finished.', 'writing'],
    ['when it begins, in other words', 'The dump is likely incomplete.', 'writing'],
    [
      'when all went well',
      'Kernel version : 6.4\n\nvmcore status: saved successfully\n',
      'written',
    ],
    ['when it failed', 'vmcore status: saving failed (exit status 1)\n', 'written'],
    ['when it was told not to save', 'vmcore status: skipped\n', 'written'],
    ['when it ran out of space', 'vmcore status: deleted (not enough space)\n', 'written'],
    [
      'when it says nothing of that, as old ones',
      'Kernel crashdump\nKernel version: 5.3\n',
      undefined,
    ],
    ['when it is empty, for it was only just made', '', undefined],
    ['when the status itself is not written yet', 'Crash time: now\nvmcore status:', undefined],
    ['when the words stand elsewhere', 'see: vmcore status: unknown', undefined],
  ])('understands SUSE %s', (_when, text, status) => {
    expect(saveStatus(text)).toBe(status);
  });
});

describe('readSaveStatus', () => {
  it('reads the first 16 KiB of a regular file', async () => {
    const path = join(tempDir(), 'README.txt');
    writeFileSync(path, `${'x\n'.repeat(1000)}vmcore status: saved successfully\n`);
    expect(await readSaveStatus(path)).toBe('written');
    writeFileSync(path, `${'x\n'.repeat(10_000)}vmcore status: saved successfully\n`);
    expect(await readSaveStatus(path)).toBeUndefined();
  });

  it('takes no link, no FIFO, no directory, and nothing for no word at all', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'file'), 'vmcore status: saved successfully\n');
    symlinkSync('file', join(directory, 'link'));
    makeFifo(join(directory, 'fifo'));
    for (const name of ['link', 'fifo', '.', 'gone']) {
      expect(await readSaveStatus(join(directory, name))).toBeUndefined();
    }
  });
});
