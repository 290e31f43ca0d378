// This machine's root under an overlay: what is written there is gone with the test.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Cleanup } from './processes.ts';

/** Whether this machine lets us mount and change roots. */
export const canMount: boolean =
  spawnSync('unshare', ['--mount', 'true']).status === 0 && process.getuid?.() === 0;

/** @returns the folder that is the root. */
export function overlay(cleanup: Cleanup): string {
  const folder = cleanup.folder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'install', folder]);
  cleanup.add(() => void execFileSync('umount', ['--recursive', folder]));
  const [root, upper, work] = ['root', 'upper', 'work'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [root, upper, work]) mkdirSync(path);
  const options = `lowerdir=/,upperdir=${upper},workdir=${work}`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, root]);
  execFileSync('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
  return root;
}

/** Runs a command in a root. @returns what it printed. @throws Error when it fails. */
export function inRoot(root: string, ...command: readonly string[]): string {
  const { PATH = '', NODE_EXTRA_CA_CERTS = '' } = process.env; // of a registry that npm may reach here
  const env = { PATH, NODE_EXTRA_CA_CERTS, HOME: '/root', SYSTEMD_OFFLINE: '1' };
  return execFileSync('chroot', [root, ...command], { env, encoding: 'utf8', stdio: 'pipe' });
}
