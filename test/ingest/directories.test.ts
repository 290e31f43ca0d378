// Watched directories that are missing, replaced, mounted, closed to us, hanging or full.

import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import type { DirectoryStatus } from '../../src/ingest/directory.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { eventually } from '../support/system/eventually.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { hungIt, mountHung } from '../support/system/hung-mount.ts';
import { mayMount, mount } from '../support/system/mounts.ts';
import {
  type Running,
  logged,
  nDecoded,
  nDecodes,
  nFailed,
  ready,
  realDecoder,
  scriptedDecoder,
  startIngest,
  whenQuiet,
} from '../support/daemon/running-ingest.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const DUMP = fixture('x86_64-7.3.4.lzo');
/** From an event to the second scan (src/ingest/directory.ts). */
const BURST_MS = 200;
const mountIt = mayMount() ? it : it.skip;

function statusOf({ ingest }: Running, directory: string): DirectoryStatus {
  return ingest.status().directories.find((one) => one.directory === directory)!;
}

function isUp(running: Running, directory: string, up: boolean): Promise<true> {
  return eventually(`${directory} ${up ? 'up' : 'down'}`, () =>
    statusOf(running, directory).up === up && statusOf(running, directory).lastScanSeconds > 0
      ? true
      : undefined,
  );
}

function copyTo(...path: readonly string[]): string {
  const file = join(...path);
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(DUMP, file);
  return file;
}

describe('a watched directory', () => {
  it('is looked at as soon as something comes into it', async () => {
    const directory = tempDir();
    const running = startIngest([directory]);
    await ready(running);
    // Often enough that one is found before the delayed scan, however busy the machine is.
    let fastestMs = Infinity;
    for (let i = 1; i <= 40 && fastestMs >= BURST_MS; i++) {
      await whenQuiet(running);
      const cameMs = performance.now();
      copyTo(directory, `${i}`, 'vmcore');
      await eventually('it is found', () => running.ingest.status().discovered === i || undefined);
      fastestMs = Math.min(fastestMs, performance.now() - cameMs);
    }
    expect(fastestMs).toBeLessThan(BURST_MS);
  });

  it('that is missing when it starts is taken when it comes, and reported once', async () => {
    const directory = join(tempDir(), 'not', 'yet');
    const running = startIngest([directory], { rescanMs: 100 });
    await isUp(running, directory, false);
    await sleep(500);
    expect(running.log.filter((line) => line.includes('cannot scan'))).toHaveLength(1);
    copyTo(directory, 'vmcore');
    await nDecoded(running, 1);
    expect(running.log.join('\n')).toContain('can be scanned again');
  });

  it('that is deleted and made again at once is watched again', async () => {
    const directory = join(tempDir(), 'crash');
    mkdirSync(directory);
    const running = startIngest([directory]);
    await ready(running);
    await whenQuiet(running);
    rmSync(directory, { recursive: true });
    mkdirSync(directory); // often under the same inode number
    await whenQuiet(running);
    const { watchEvents } = running.ingest.status();
    copyTo(directory, 'host', 'vmcore');
    await nDecoded(running, 1);
    expect(running.ingest.status().watchEvents).toBeGreaterThan(watchEvents);
  });

  it('that another takes the place of is looked at anew, and what was in the first is gone', async () => {
    const base = tempDir();
    const directory = join(base, 'crash');
    copyTo(directory, 'vmcore.old');
    copyTo(base, 'other', 'vmcore.new');
    const running = startIngest([directory], { rescanMs: 200 });
    await nDecoded(running, 1);
    renameSync(directory, join(base, 'was'));
    renameSync(join(base, 'other'), directory);
    await nDecoded(running, 2);
    expect(running.ingest.status().present.complete).toMatchObject([
      { path: join(directory, 'vmcore.new') },
    ]);
  });

  it('that is a link is watched where it leads, also when it leads elsewhere', async () => {
    const base = tempDir();
    const link = join(base, 'crash');
    for (const name of ['one/host', 'two']) mkdirSync(join(base, name), { recursive: true });
    symlinkSync('one', link);
    const running = startIngest([link], { rescanMs: 3000 });
    await ready(running);
    await whenQuiet(running);
    copyTo(base, 'one', 'host', 'vmcore');
    await nDecoded(running, 1);
    const { watchEvents } = running.ingest.status();
    expect(watchEvents).toBeGreaterThan(0);
    copyTo(base, 'two', 'vmcore.other');
    await sleep(500);
    expect(running.ingest.status().watchEvents).toBe(watchEvents); // nothing beside it is watched
    symlinkSync('two', `${link}.new`);
    renameSync(`${link}.new`, link);
    await nDecoded(running, 2);
    expect(running.decoded[1]).toMatchObject({ path: join(link, 'vmcore.other') });
  });

  mountIt('that is mounted over is the mounted one, watched too', async () => {
    const directory = tempDir();
    copyTo(directory, 'vmcore.below');
    const running = startIngest([directory], { rescanMs: 4000 });
    await nDecoded(running, 1);
    mount('tmpfs', directory);
    await eventually('it is empty', () =>
      running.ingest.status().present.complete.length === 0 ? true : undefined,
    );
    await sleep(4000); // the next scan
    const { watchEvents } = running.ingest.status();
    copyTo(directory, 'host', 'vmcore.above');
    await nDecoded(running, 2);
    expect(running.ingest.status().watchEvents).toBeGreaterThan(watchEvents);
    expect(running.ingest.status().present.complete).toMatchObject([
      { path: join(directory, 'host', 'vmcore.above') },
    ]);
  });

  mountIt('of which no event comes, as of NFS, is polled', async () => {
    const base = tempDir();
    const layers = ['lower', 'upper', 'work', 'merged'].map((name) => join(base, name));
    for (const layer of layers) mkdirSync(layer);
    const [lower, upper, work, merged] = layers as [string, string, string, string];
    mkdirSync(join(upper, 'host')); // of the upper layer alone: its content is not cached
    mount('overlay', merged, `lowerdir=${lower},upperdir=${upper},workdir=${work}`);
    const running = startIngest([merged], { rescanMs: 1000 });
    await ready(running);
    await sleep(500);
    copyTo(upper, 'host', 'vmcore'); // not through the mount: its watches see nothing
    await nDecoded(running, 1);
    expect(running.ingest.status().watchEvents).toBe(0);
    expect(running.decoded).toMatchObject([{ path: join(merged, 'host', 'vmcore') }]);
  });

  hungIt('that hangs holds up no other, and not the end', async () => {
    const base = tempDir();
    const [hung, calm] = [join(base, 'hung'), join(base, 'calm')];
    for (const directory of [hung, calm]) mkdirSync(directory);
    const unmount = await mountHung(hung);
    const running = startIngest([hung, calm]);
    await isUp(running, calm, true);
    copyTo(calm, 'vmcore');
    await nDecoded(running, 1);
    expect(statusOf(running, hung)).toMatchObject({ up: false, lastScanSeconds: 0 });
    expect(running.ingest.isReady).toBe(false);
    await running.ingest.close();
    await running.ended;
    await unmount();
    await eventually(
      'the end of its scan',
      () => statusOf(running, hung).lastScanSeconds || undefined,
    );
  });

  hungIt('that hangs leaves the first pass partial, until it answers', async () => {
    const base = tempDir();
    const [hung, calm] = [join(base, 'hung'), join(base, 'calm')];
    for (const directory of [hung, calm]) mkdirSync(directory);
    copyTo(hung, 'vmcore'); // below the mount
    const unmount = await mountHung(hung);
    const running = startIngest([hung, calm], { rescanMs: 500 });
    await eventually('partial', () => running.passes.at(-1) === 'partial' || undefined);
    expect(statusOf(running, calm).up).toBe(true);
    await unmount();
    await eventually('over', () => running.passes.at(-1) === 'over' || undefined);
    expect(running.decoded).toHaveLength(1);
  });

  it('that may not be read says how it might, holds up no other, and recovers', async () => {
    const base = tempDir();
    chmodSync(base, 0o777);
    const [closed, open] = [join(base, 'closed'), join(base, 'open')];
    await asNobody(async () => {
      copyTo(closed, 'vmcore');
      mkdirSync(open);
      chmodSync(closed, 0);
      const running = startIngest([closed, open], { rescanMs: 100 });
      await isUp(running, closed, false);
      copyTo(open, 'vmcore');
      await nDecoded(running, 1);
      await logged(running, 'cannot scan');
      await sleep(500);
      const told = await logged(running, 'cannot scan');
      expect(told).toHaveLength(1);
      expect(told[0]).toContain('CAP_DAC_READ_SEARCH');
      chmodSync(closed, 0o700);
      await nDecoded(running, 2);
    });
  });
});

describe('what may not be read', () => {
  it('as a file is counted once, explained, tried again, and recovered', async () => {
    const directory = tempDir();
    chmodSync(directory, 0o777);
    await asNobody(async () => {
      const path = copyTo(directory, 'vmcore');
      chmodSync(path, 0);
      const running = startIngest([directory], { rescanMs: 100 });
      await nDecodes(running, 1);
      running.skipMs(10_000);
      await nDecodes(running, 2);
      running.skipMs(10_000);
      await nDecodes(running, 3);
      expect(running.failed).toMatchObject([{ path, failure: { reason: 'permission' } }]);
      const told = await logged(running, 'cannot be read');
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(/mode 0: give the exporter the capability CAP_DAC_READ_SEARCH/);
      chmodSync(path, 0o600);
      await nDecoded(running, 1);
      expect(running.failed).toHaveLength(1);
    });
  });

  it('as a directory is counted once, explained, and recovers with all that is in it', async () => {
    const directory = tempDir();
    chmodSync(directory, 0o777);
    await asNobody(async () => {
      const paths = ['vmcore.1', 'vmcore.2'].map((name) => copyTo(directory, 'secret', name));
      const secret = join(directory, 'secret');
      chmodSync(secret, 0);
      copyTo(directory, 'vmcore.0');
      const running = startIngest([directory], { rescanMs: 100 });
      await nDecoded(running, 1);
      await nFailed(running, 1);
      for (const what of ['cannot be read', 'watching failed']) await logged(running, what);
      await sleep(500);
      expect(running.failed).toMatchObject([{ path: secret, failure: { reason: 'permission' } }]);
      expect(await logged(running, 'cannot be read')).toHaveLength(1);
      expect(running.ingest.status().watchErrors).toBeGreaterThan(0);
      expect(await logged(running, 'watching failed')).toHaveLength(1);
      chmodSync(secret, 0o700);
      await nDecoded(running, 3);
      expect([running.recovered, running.read]).toEqual([[secret], [secret]]);
      expect(running.decoded.map(({ path }) => path).sort()).toEqual(
        [join(directory, 'vmcore.0'), ...paths].sort(),
      );
    });
  });

  it('as a directory is still not readable when a file in it was read that was opened before', async () => {
    const directory = tempDir();
    chmodSync(directory, 0o777);
    await asNobody(async () => {
      copyTo(directory, 'secret', 'vmcore');
      const secret = join(directory, 'secret');
      const open = Promise.withResolvers<undefined>();
      const decoder = scriptedDecoder({
        ...{ kind: 'report', report: crashReport(), parts: [], content: '' },
      });
      const running = startIngest(
        [directory],
        { rescanMs: 100 },
        {
          ...decoder,
          decode: (file) => open.promise.then(() => decoder.decode(file)),
        },
      );
      await eventually('a decode', () => running.ingest.status().decodesInProgress || undefined);
      chmodSync(secret, 0);
      await nFailed(running, 1);
      open.resolve(undefined);
      await nDecoded(running, 1);
      chmodSync(secret, 0o700);
      expect(running.decoded).toMatchObject([{ unlisted: [secret] }]);
    });
  });

  it('recovers too when it turns out to be no dump', async () => {
    const directory = tempDir();
    chmodSync(directory, 0o777);
    await asNobody(async () => {
      const path = join(directory, 'packed.gz');
      writeFileSync(path, gzipSync('of no dump'));
      chmodSync(path, 0);
      const running = startIngest([directory], { rescanMs: 100 });
      await eventually('a failure', () => running.failed[0]);
      chmodSync(path, 0o600);
      await eventually('recovered', () => running.recovered[0]);
      expect([running.recovered, running.read, running.failed.length]).toEqual([[path], [path], 1]);
    });
  });

  it('is forgotten when it is gone', async () => {
    const directory = tempDir();
    chmodSync(directory, 0o777);
    await asNobody(async () => {
      const path = copyTo(directory, 'vmcore');
      chmodSync(path, 0);
      const running = startIngest([directory], { rescanMs: 100 });
      await eventually('a failure', () => running.failed[0]);
      rmSync(path);
      await eventually('recovered', () => running.recovered[0]);
      expect([running.recovered, running.read]).toEqual([[path], []]);
    });
  });
});

it('finds the dump among 20,000 other files, which it opens once', async () => {
  const directory = tempDir();
  for (let i = 0; i < 20_000; i++) writeFileSync(join(directory, `other.${i}`), `of no dump ${i}`);
  const path = copyTo(directory, 'vmcore');
  const running = startIngest([directory], {}, realDecoder());
  await nDecoded(running, 1);
  expect(running.decoded).toMatchObject([{ path }]);
  expect(running.ingest.status()).toMatchObject({ discovered: 1, queueLength: 0 });
  expect([running.decodes(), running.failed]).toEqual([1, []]);
  await whenQuiet(running);
  copyTo(directory, 'host', 'vmcore');
  await nDecoded(running, 2);
});
