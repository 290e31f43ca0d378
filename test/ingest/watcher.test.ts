import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { watchDirectories } from '../../src/ingest/watcher.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Watching {
  changes: number;
  readonly errors: unknown[];
}

/** Watches, from now on. */
async function watch(...roots: readonly string[]): Promise<Watching> {
  const watching: Watching = { changes: 0, errors: [] };
  let isReady = false;
  const watcher = watchDirectories(roots, {
    onReady: () => {
      isReady = true;
    },
    onChange: () => watching.changes++,
    onError: (error) => watching.errors.push(error),
  });
  onTestFinished(() => watcher.close());
  await eventually('ready', () => isReady || undefined);
  return watching;
}

describe('watchDirectories', () => {
  it('says nothing of what is there when it begins', async () => {
    const root = tempDir();
    mkdirSync(join(root, 'host'));
    writeFileSync(join(root, 'host', 'vmcore'), 'x');
    expect(await watch(root)).toEqual({ changes: 0, errors: [] });
  });

  it.each<[string, (root: string) => void]>([
    [
      'a new file',
      (root) => {
        writeFileSync(join(root, 'new'), 'x');
      },
    ],
    [
      'a new file in a directory',
      (root) => {
        writeFileSync(join(root, 'a/b/new'), 'x');
      },
    ],
    [
      'a write to a file',
      (root) => {
        appendFileSync(join(root, 'a/file'), 'x');
      },
    ],
    [
      'a file renamed',
      (root) => {
        renameSync(join(root, 'a/file'), join(root, 'a/vmcore'));
      },
    ],
    [
      'a file deleted',
      (root) => {
        rmSync(join(root, 'a/file'));
      },
    ],
    [
      'a new directory',
      (root) => {
        mkdirSync(join(root, 'new'));
      },
    ],
    [
      'a directory deleted',
      (root) => {
        rmSync(join(root, 'a'), { recursive: true });
      },
    ],
  ])('tells of %s, in every root', async (_what, change) => {
    const roots = [tempDir(), tempDir()];
    for (const root of roots) {
      mkdirSync(join(root, 'a/b'), { recursive: true });
      writeFileSync(join(root, 'a/file'), 'x');
    }
    const watching = await watch(...roots);
    for (const root of roots) {
      const before = watching.changes;
      change(root);
      await eventually('a change', () => watching.changes > before || undefined);
    }
    expect(watching.errors).toEqual([]);
  });

  it('tells of a file in a directory that is new itself', async () => {
    const root = tempDir();
    const watching = await watch(root);
    mkdirSync(join(root, 'host'));
    await eventually('the directory', () => watching.changes || undefined);
    await sleep(500); // until it is watched too
    const before = watching.changes;
    writeFileSync(join(root, 'host', 'vmcore'), 'x');
    await eventually('a file in it', () => watching.changes > before || undefined);
  });

  it('takes a root that is not there for no error', async () => {
    expect(await watch(join(tempDir(), 'gone'))).toEqual({ changes: 0, errors: [] });
  });
});
