// A directory of a test's own, gone when the test is over.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

/** Call it inside a test. */
export function tempDir(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'hwerr-test-')));
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}
