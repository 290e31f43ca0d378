// A file system of a test's own that is soon full: a tmpfs.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { errorCode } from '../../../src/failure.ts';
import { mount } from './mounts.ts';
import { tempDir } from './temp-dir.ts';

export interface SmallDisk {
  readonly path: string;
  /** Take all the room there is left. */
  readonly fill: () => void;
  /** Give it back. */
  readonly empty: () => void;
  readonly remount: (options: string) => void;
  /** Make one of its folders read-only, whoever has files open in it. */
  readonly bindReadOnly: (folder: string) => { readonly undo: () => void };
}

const FILLER = 'filler';

/** Call it inside a test where mayMount(). */
export function smallDisk(): SmallDisk {
  const path = tempDir();
  mount('tmpfs', path, 'size=24m');
  const filler = join(path, FILLER);
  return {
    path,
    fill: () => {
      fill(filler);
    },
    empty: () => {
      rmSync(filler);
    },
    remount: (to) => {
      change('-o', `remount,${to}`, path);
    },
    bindReadOnly(folder) {
      const target = join(path, folder);
      change('--bind', target, target);
      change('-o', 'remount,bind,ro', target);
      return { undo: () => void execFileSync('umount', ['-l', target]) };
    },
  };
}

function change(...args: readonly string[]): void {
  execFileSync('mount', args);
}

function fill(path: string): void {
  const fd = openSync(path, 'w');
  const zeros = new Uint8Array(4096);
  try {
    for (;;) writeSync(fd, zeros);
  } catch (error) {
    if (errorCode(error) !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
}
