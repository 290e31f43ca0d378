// File systems mounted for a test, where we may: as root, and not in every container.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

/** Whether a test may mount something. */
export function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'hwerr-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', 'none', directory]).status !== 0) return false;
    return spawnSync('umount', [directory]).status === 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Call it inside a test, after tempDir(): it is unmounted when the test is over. */
export function mount(type: string, directory: string, options = ''): void {
  const args = options === '' ? [] : ['-o', options];
  execFileSync('mount', ['-t', type, ...args, 'none', directory]);
  onTestFinished(() => {
    spawnSync('umount', ['-l', directory]);
  });
}
