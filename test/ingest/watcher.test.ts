import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { type Watcher, watchDirectory } from '../../src/ingest/watcher.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';

interface Watching {
  readonly watcher: Watcher;
  changes: number;
  readonly errors: unknown[];
}

/** Watches, from now on. */
async function watch(root: string): Promise<Watching> {
  let isReady = false;
  const watcher = watchDirectory(root, {
    onReady: () => {
      isReady = true;
    },
    onChange: () => watching.changes++,
    onError: (error) => watching.errors.push(error),
  });
  const watching: Watching = { watcher, changes: 0, errors: [] };
  onTestFinished(() => watcher.close());
  await eventually('ready', () => isReady || undefined);
  return watching;
}

describe('watchDirectory', () => {
  it('can be closed before it has begun', async () => {
    const root = tempDir();
    for (let i = 0; i < 100; i++) mkdirSync(join(root, `${i}`));
    const calls: string[] = [];
    const watcher = watchDirectory(root, {
      onReady: () => calls.push('ready'),
      onChange: () => calls.push('change'),
      onError: (error) => calls.push(String(error)),
    });
    await watcher.close();
    writeFileSync(join(root, 'vmcore'), 'x');
    await sleep(300);
    expect(calls).toEqual([]);
  });

  it('says nothing of what is there when it begins', async () => {
    const root = tempDir();
    mkdirSync(join(root, 'host'));
    writeFileSync(join(root, 'host', 'vmcore'), 'x');
    expect(await watch(root)).toMatchObject({ changes: 0, errors: [] });
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
  ])('tells of %s', async (_what, change) => {
    const root = tempDir();
    mkdirSync(join(root, 'a/b'), { recursive: true });
    writeFileSync(join(root, 'a/file'), 'x');
    const watching = await watch(root);
    expect(watching.changes).toBe(0);
    change(root);
    await eventually('a change', () => watching.changes || undefined);
    expect(watching.errors).toEqual([]);
  });

  it('tells of a file in a directory that is new itself', async () => {
    const root = tempDir();
    const watching = await watch(root);
    mkdirSync(join(root, 'host'));
    await eventually('the directory', () => watching.changes || undefined);
    await sleep(500); // until it is watched too
    const before = watching.changes;
    let files = 0;
    await eventually('a file in it', () => {
      writeFileSync(join(root, 'host', `vmcore.${files++}`), 'x'); // it may not be watched yet
      return watching.changes > before || undefined;
    });
  });

  it('takes a root that is not there for no error', async () => {
    expect(await watch(join(tempDir(), 'gone'))).toMatchObject({ changes: 0, errors: [] });
  });

  it('watches what it missed, each once', async () => {
    const [root, missed] = [tempDir(), tempDir()];
    const watching = await watch(root);
    for (let i = 0; i < 3; i++) watching.watcher.watchMissing([root, missed]);
    await sleep(300);
    expect(watching.errors).toEqual([]);
    watching.changes = 0;
    let files = 0;
    await eventually('a change', () => {
      writeFileSync(join(missed, `vmcore.${files++}`), 'x'); // it may not be watched yet
      return watching.changes > 0 || undefined;
    });
  });

  it('does not read the root once more for each directory that was pruned', async () => {
    const root = tempDir();
    const [present, pruned] = [50, 100];
    for (let i = 0; i < present; i++) writeFileSync(join(root, `file-${i}`), 'x');
    const { watcher } = await watch(root);
    watcher.watchMissing(Array.from({ length: pruned }, (_, i) => join(root, `${i}`)));
    await sleep(1500); // it reads a directory once a second
    writeFileSync(join(root, 'vmcore'), 'x');
    let most = 0;
    for (let i = 0; i < 100; i++) {
      const waiting = process.getActiveResourcesInfo().filter((name) => name === 'FSReqPromise');
      most = Math.max(most, waiting.length);
      await sleep(2);
    }
    expect(most).toBeLessThan(4 * present);
  });

  it('stays closed, and holds nothing open that would keep the process alive', async () => {
    const root = tempDir();
    const open = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
    const { watcher } = await watch(root);
    expect(open()).toBeGreaterThan(0);
    await watcher.close();
    await eventually('those of other tests are closed too', () => open() === 0 || undefined);
    watcher.watchMissing([root]);
    await sleep(300);
    expect(open()).toBe(0);
  });
});
