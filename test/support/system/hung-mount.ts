// A file system that never answers, where a test may mount one.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { it, onTestFinished } from 'vitest';

import { needsTool } from './tools.ts';

const python = needsTool('python3');
const SCRIPT = fileURLToPath(new URL('./hung-mount.py', import.meta.url));

/** Skipped where hungMount() cannot mount. */
export const hungIt = existsSync('/dev/fuse') && process.getuid?.() === 0 ? python.it : it.skip;

/**
 * Call it inside a test, after tempDir(): it is unmounted when the test is over.
 *
 * @returns unmounts it sooner: what hangs in it fails then.
 */
export async function hungMount(directory: string): Promise<() => Promise<void>> {
  const child = spawn(python.path, [SCRIPT, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  const unmount = async (): Promise<void> => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  };
  onTestFinished(unmount);
  await once(child.stdout, 'data');
  return unmount;
}
