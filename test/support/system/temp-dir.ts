// A directory of a test's own, gone when the test is over; or of a file of tests, gone with its process.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { TestRunner, onTestFinished } from 'vitest';

export function tempDir(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'hwerr-test-')));
  const remove = (): void => {
    rmSync(path, { recursive: true, force: true });
  };
  if (TestRunner.getCurrentTest() === undefined) process.once('exit', remove);
  else onTestFinished(remove);
  return path;
}
