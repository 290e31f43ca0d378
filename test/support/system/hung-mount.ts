// A directory that never answers, where we may mount one: as root, with FUSE.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { it, onTestFinished } from 'vitest';

import { exitOf } from '../daemon/program.ts';
import { needsTool } from './tools.ts';

const SCRIPT = fileURLToPath(new URL('hung-mount.py', import.meta.url));
const python = needsTool('python3');

/** For tests that call mountHung(). */
export const hungIt = existsSync('/dev/fuse') && process.getuid?.() === 0 ? python.it : it.skip;

/**
 * Mount such a file system over a directory, until the test is over at the latest.
 *
 * @returns what unmounts it: calls that hang in it fail then.
 */
export async function mountHung(directory: string): Promise<() => Promise<void>> {
  const child = spawn(python.path, [SCRIPT, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  const unmount = async (): Promise<void> => {
    child.stdin.end();
    await exitOf(child);
  };
  onTestFinished(unmount);
  const ended = exitOf(child).then((code) => {
    throw new Error(`${SCRIPT} ended with code ${code}`);
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  return unmount;
}
