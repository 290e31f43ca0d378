// From a directory to an outcome, in the order in which files come.

import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { FAILURE_REASONS, type FailureReason } from '../../src/failure.ts';
import type { DecodeClient } from '../../src/decode/decode-client.ts';
import { eventually } from '../support/system/eventually.ts';
import {
  fixture,
  fixtureReport,
  writeHungryDump,
  writeSlowDump,
} from '../support/dumps/fixtures.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import {
  logged,
  nDecoded,
  nDecodes,
  nFailed,
  ready,
  realDecoder,
  scanTimes,
  scriptedDecoder,
  SETTLE_MS,
  startIngest,
  stuckDecoder,
  whenQuiet,
} from '../support/daemon/running-ingest.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const DUMP = 'x86_64-7.3.4.lzo';

function failing(reason: FailureReason): DecodeClient {
  return scriptedDecoder({ kind: 'failure', failure: { reason, message: '' }, content: undefined });
}

/** What a longer file might not suffer from. */
const MENDED_BY_THE_REST: ReadonlySet<FailureReason> = new Set<FailureReason>([
  'truncated',
  'corrupt',
  'no_vmcoreinfo',
  'no_kallsyms',
  'symbol_not_found',
  'page_excluded',
  'page_lost',
]);

describe('Ingest', () => {
  it('decodes what is there when it starts, and hands on the report', async () => {
    const directory = tempDir();
    const path = join(directory, '127.0.0.1-2026-10-03-04:05:51', 'vmcore');
    mkdirSync(dirname(path));
    copyFileSync(fixture(DUMP), path);
    const startSeconds = Date.now() / 1000;
    const running = startIngest([directory]);
    expect(running.ingest.isReady).toBe(false);
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ path, report: fixtureReport(DUMP) }]);
    expect(running.durations[0]).toBeGreaterThan(0);
    expect(running.ingest.status()).toMatchObject({
      directories: [{ directory, up: true }],
      queueLength: 0,
      decodesInProgress: 0,
      discovered: 1,
      decoded: 1,
      watchErrors: 0,
      present: { complete: [{ path }], incomplete: [] },
    });
    const { lastDecodeSeconds, directories } = running.ingest.status();
    for (const seconds of [lastDecodeSeconds, directories[0]!.lastScanSeconds]) {
      expect(seconds).toBeGreaterThanOrEqual(startSeconds);
      expect(seconds).toBeLessThanOrEqual(Date.now() / 1000);
    }
  });

  it('decodes a dump that is copied in while it runs, long before the next periodic scan', async () => {
    const directory = tempDir();
    const running = startIngest([directory]);
    await ready(running);
    await whenQuiet(running); // it watches by then
    mkdirSync(join(directory, 'host'));
    copyFileSync(fixture(DUMP), join(directory, 'host', 'vmcore'));
    await nDecoded(running, 1);
    expect(running.ingest.status().watchEvents).toBeGreaterThan(0);
  });

  it('scans again when it watches: what came just before made no event', async () => {
    const running = startIngest([tempDir()]);
    await ready(running);
    const [first] = running.ingest.status().directories;
    await eventually('a second scan', () => {
      const [now] = running.ingest.status().directories;
      return now!.lastScanSeconds > first!.lastScanSeconds || undefined;
    });
    expect(running.ingest.status().watchEvents).toBe(0);
  });

  it('misses no dump that comes while it scans', async () => {
    const [first, second] = [tempDir(), tempDir()];
    const others = 1500;
    for (let i = 0; i < others; i++) writeFileSync(join(second, `vmcore.${i}`), '');
    const running = startIngest([first, second], {}, failing('unsupported_format'));
    await eventually('all are looked at', () => running.failed.length === others || undefined);

    // A new directory makes it scan, and leaves nothing to come back for. It takes a few when the
    // scan of the second is over before we look.
    for (let i = 0, isBetween = false; !isBetween; i++) {
      const before = await whenQuiet(running);
      mkdirSync(join(first, `makes-it-scan-${i}`));
      while (scanTimes(running)[0] === before[0]) await nextTurn();
      isBetween = scanTimes(running)[1] === before[1];
    }
    writeFileSync(join(first, 'vmcore'), '');
    await eventually('it is looked at', () =>
      running.failed.find(({ path: failed }) => failed === join(first, 'vmcore')),
    );
  });

  it.each([
    ['faster', SETTLE_MS / 5],
    ['slower', SETTLE_MS * 2],
  ])('waits for a file that grows %s than the settle time', async (_speed, pauseMs) => {
    const directory = tempDir();
    const running = startIngest([directory]);
    const bytes = readFileSync(fixture(DUMP));
    const path = join(directory, 'vmcore');
    const steps = 4;
    for (let i = 0; i < steps; i++) {
      const from = Math.floor((bytes.length * i) / steps);
      const to = Math.floor((bytes.length * (i + 1)) / steps);
      appendFileSync(path, bytes.subarray(from, to));
      if (i === steps - 1) break;
      await sleep(pauseMs);
      expect(running.decoded).toEqual([]);
      expect(running.failed).toEqual([]);
    }
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ path, report: { incomplete: false } }]);
    expect(running.failed).toEqual([]);
  });

  it('says at once what is wrong with a file, but for what its rest might mend', async () => {
    const directory = tempDir();
    for (const reason of FAILURE_REASONS) {
      writeFileSync(join(directory, `vmcore.${reason}`), 'longer than the magic of any dump');
    }
    const byName: DecodeClient = {
      decode: (file) => failing(basename(file.path).slice(7) as FailureReason).decode(file),
      close: () => Promise.resolve(),
    };
    const running = startIngest([directory], { rescanMs: 100 }, byName);
    const reasons = (): string[] => running.failed.map(({ failure }) => failure.reason).sort();
    const atOnce = FAILURE_REASONS.filter((reason) => !MENDED_BY_THE_REST.has(reason));
    await nDecodes(running, FAILURE_REASONS.length);
    await nFailed(running, atOnce.length);
    await sleep(500);
    expect(reasons()).toEqual(atOnce.sort());
    running.skipMs(60_000);
    await nFailed(running, FAILURE_REASONS.length);
    await sleep(500);
    expect(reasons()).toEqual([...FAILURE_REASONS].sort());
  });

  it('says nothing of the beginning of a dump until it lay still for a minute', async () => {
    const directory = tempDir();
    const bytes = readFileSync(fixture('x86_64-7.3.4.flat-elf'));
    const lengths = [0, 1, 15, 4096, 8192, 40_000, 200_000];
    for (const length of lengths) {
      writeFileSync(join(directory, `vmcore.${length}`), bytes.subarray(0, length));
    }
    const running = startIngest([directory], { rescanMs: 200 });
    await nDecodes(running, lengths.length);
    await sleep(500);
    expect([running.decoded, running.failed]).toEqual([[], []]);
    running.skipMs(60_000);
    await eventually(
      'an answer to each',
      () => running.failed.length + running.decoded.length === lengths.length || undefined,
    );
    const short = running.failed.filter(({ path }) => /\.(0|1|15)$/.test(path));
    expect(short.map(({ failure }) => failure.reason)).toEqual(Array(3).fill('truncated'));
  });

  it('takes the first bytes of a magic for a dump that broke off by the name of the file', async () => {
    const directory = tempDir();
    for (const name of ['vmcore', 'notes']) writeFileSync(join(directory, name), 'KDU');
    const running = startIngest([directory], { rescanMs: 200 });
    await nDecodes(running, 1);
    running.skipMs(60_000);
    await nFailed(running, 1);
    expect(running.failed).toMatchObject([
      { path: join(directory, 'vmcore'), failure: { reason: 'truncated' } },
    ]);
    appendFileSync(
      join(directory, 'vmcore'),
      readFileSync(fixture('x86_64-7.3.4.raw')).subarray(3),
    );
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ report: { incomplete: false } }]);
  });

  it('takes a dump that stays broken off for what it holds, marked incomplete', async () => {
    const directory = tempDir();
    const path = join(directory, 'vmcore');
    const bytes = readFileSync(fixture(DUMP));
    writeFileSync(path, bytes.subarray(0, -1));
    const running = startIngest([directory], { rescanMs: 200 });
    await nDecodes(running, 1);
    running.skipMs(60_000);
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ report: { incomplete: true } }]);
    expect(running.ingest.status().present).toMatchObject({ complete: [], incomplete: [{ path }] });

    appendFileSync(path, bytes.subarray(-1));
    await nDecoded(running, 2);
    expect(running.decoded[1]).toMatchObject({ report: { incomplete: false } });
    expect(running.ingest.status()).toMatchObject({
      discovered: 1,
      present: { complete: [{ path }], incomplete: [] },
    });
  });

  it('takes a dump that kdump never finished for what it holds, when it is old enough', async () => {
    const directory = tempDir();
    const bytes = readFileSync(fixture(DUMP));
    const [cut, short] = ['vmcore-incomplete', 'dump-incomplete'].map((name) =>
      join(directory, name),
    );
    writeFileSync(cut!, bytes.subarray(0, -1));
    writeFileSync(short!, 'KD');
    const running = startIngest([directory], { rescanMs: 200, incompleteAfterMs: 60_000 });
    await ready(running);
    expect(running.ingest.status().queueLength).toBe(0);
    running.skipMs(60_000);
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ path: cut, report: { incomplete: true } }]);
    await eventually('a failure', () => running.failed[0]);
    expect(running.failed).toMatchObject([{ path: short, failure: { reason: 'truncated' } }]);
  });

  it('looks at a dump when its writer has renamed it', async () => {
    const directory = tempDir();
    const running = startIngest([directory]);
    const unfinished = join(directory, 'vmcore-incomplete');
    copyFileSync(fixture(DUMP), unfinished);
    await sleep(SETTLE_MS + 700);
    expect(running.ingest.status().discovered).toBe(0);
    renameSync(unfinished, join(directory, 'vmcore'));
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ path: join(directory, 'vmcore') }]);
  });

  it('says at once why a file that is complete is no dump', async () => {
    const directory = tempDir();
    const path = join(directory, 'vmcore');
    writeFileSync(path, 'no dump at all, but long enough to say so');
    const running = startIngest([directory]);
    await eventually('a failure', () => running.failed[0]);
    expect(running.failed).toMatchObject([{ path, failure: { reason: 'not_a_dump' } }]);
    expect(running.ingest.status()).toMatchObject({
      decoded: 0,
      present: { complete: [], incomplete: [] },
    });
  });

  it('decodes the newest dump first', async () => {
    const directory = tempDir();
    const names = ['old', 'new', 'mid'];
    const times = [1000, 3000, 2000];
    for (const [i, name] of names.entries()) {
      copyFileSync(fixture(DUMP), join(directory, name));
      utimesSync(join(directory, name), times[i]!, times[i]!);
    }
    const running = startIngest([directory]);
    await nDecoded(running, 3);
    expect(running.decoded.map(({ path: decoded }) => decoded)).toEqual(
      ['new', 'mid', 'old'].map((name) => join(directory, name)),
    );
  });

  it('goes on with the next file when one takes too long or is gone meanwhile', async () => {
    const directory = tempDir();
    writeSlowDump(join(directory, 'slow'), 64);
    for (const name of ['pruned', 'kept']) {
      copyFileSync(fixture(DUMP), join(directory, name));
      utimesSync(join(directory, name), 1000, 1000); // after the slow one
    }
    const running = startIngest([directory], {}, realDecoder({ timeoutMs: 8000 }));
    await eventually(
      'the slow decode',
      () => running.ingest.status().decodesInProgress || undefined,
    );
    expect(running.ingest.status()).toMatchObject({ decodesInProgress: 1, queueLength: 2 });
    rmSync(join(directory, 'pruned'));
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ path: join(directory, 'kept') }]);
    expect(running.failed).toMatchObject([{ failure: { reason: 'timeout' } }]);
  });

  it('decodes a file anew that was written to while it was read', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'vmcore'), 'x');
    const report = crashReport();
    const decoder = scriptedDecoder(
      { kind: 'changed' },
      { kind: 'report', report, parts: [], content: '' },
    );
    const running = startIngest([directory], {}, decoder);
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ report }]);
    expect(running.failed).toEqual([]);
  });

  it('watches several directories, also one in the other', async () => {
    const outer = tempDir();
    const inner = join(outer, '1/2/3/4/5');
    const other = tempDir();
    mkdirSync(inner, { recursive: true });
    for (const directory of [outer, inner, other]) {
      copyFileSync(fixture(DUMP), join(directory, 'vmcore'));
    }
    const running = startIngest([outer, inner, other], { rescanMs: 100 });
    await nDecoded(running, 3);
    await sleep(1000);
    expect(running.ingest.status()).toMatchObject({ discovered: 3, decoded: 3 });
  });

  it('scans no more than it must when nothing happens', async () => {
    const directory = tempDir();
    copyFileSync(fixture(DUMP), join(directory, 'vmcore'));
    const running = startIngest([directory]);
    await nDecoded(running, 1);
    const before = await whenQuiet(running);
    await sleep(1000);
    expect(scanTimes(running)).toEqual(before);
  });

  it('reports a directory that is missing, once, and takes it when it appears', async () => {
    const directory = join(tempDir(), 'crash');
    const running = startIngest([directory], { rescanMs: 100 });
    await logged(running, 'cannot scan');
    await sleep(500); // several scans
    expect(running.ingest.status().directories).toMatchObject([{ directory, up: false }]);
    const complaints = await logged(running, 'cannot scan');
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain(directory);
    mkdirSync(directory);
    copyFileSync(fixture(DUMP), join(directory, 'vmcore'));
    await nDecoded(running, 1);
    expect(running.ingest.status().directories).toMatchObject([{ up: true }]);
  });

  it('recovers when its directory is deleted and made again', async () => {
    const directory = join(tempDir(), 'crash');
    mkdirSync(directory);
    const running = startIngest([directory], { rescanMs: 200 });
    await ready(running);
    rmSync(directory, { recursive: true });
    await eventually('down', () => !running.ingest.status().directories[0]!.up || undefined);
    mkdirSync(directory);
    copyFileSync(fixture(DUMP), join(directory, 'vmcore'));
    await nDecoded(running, 1);
  });

  it('ends when it is closed, whatever it was doing', async () => {
    const directory = tempDir();
    writeSlowDump(join(directory, 'slow'), 64);
    const decoder = realDecoder();
    const running = startIngest([directory], {}, decoder);
    await eventually(
      'the slow decode',
      () => running.ingest.status().decodesInProgress || undefined,
    );
    await Promise.all([running.ingest.close(), decoder.close()]);
    await running.ended;
    expect([running.decoded, running.failed]).toEqual([[], []]);
  });

  it('stops decoding when nothing can be recorded, and ends all the same', async () => {
    const directory = tempDir();
    for (let i = 0; i < 100; i++) writeFileSync(join(directory, `vmcore.${i}`), 'x');
    const never = (): Promise<void> => new Promise(() => undefined);
    const running = startIngest([directory], {}, failing('unsupported_format'), never);
    await eventually('64 outcomes', () => running.failed.length >= 64 || undefined);
    await whenQuiet(running);
    expect(running.failed).toHaveLength(64);
    expect(running.ingest.status()).toMatchObject({ queueLength: 36, decodesInProgress: 0 });
    await running.ingest.close();
    await running.ended;
  });

  it('shows a dump as decoded and present only when its outcome is durable', async () => {
    const directory = tempDir();
    copyFileSync(fixture(DUMP), join(directory, 'vmcore'));
    let write: (() => void) | undefined;
    const recorded = (): Promise<void> =>
      new Promise((resolve) => {
        write = resolve;
      });
    const running = startIngest([directory], {}, realDecoder(), recorded);
    await nDecoded(running, 1);
    await sleep(300);
    expect(running.ingest.status()).toMatchObject({ decoded: 0, present: { complete: [] } });
    write!();
    await eventually('present', () => running.ingest.status().present.complete[0]);
    expect(running.ingest.status().decoded).toBe(1);
  });

  it('does not scan over and over while files wait for the decoder', async () => {
    const directory = tempDir();
    for (let i = 0; i < 40; i++) writeFileSync(join(directory, `vmcore.${i}`), 'x');
    const running = startIngest([directory], {}, stuckDecoder());
    await eventually('a decode', () => running.ingest.status().decodesInProgress || undefined);
    const before = await whenQuiet(running);
    await sleep(1000);
    expect(scanTimes(running)).toEqual(before);
    expect(running.ingest.status()).toMatchObject({ queueLength: 39, decodesInProgress: 1 });
  });

  it('scans once per rescan time when nothing happens', async () => {
    const directory = tempDir();
    copyFileSync(fixture(DUMP), join(directory, 'vmcore'));
    writeFileSync(join(directory, 'notes'), 'of no dump');
    const running = startIngest([directory], { rescanMs: 500 });
    await nDecoded(running, 1);
    await sleep(1500);
    const seen = new Set<number>();
    await eventually('nine scans', () => {
      seen.add(scanTimes(running)[0]!);
      return seen.size === 9 || undefined;
    });
    const times = [...seen];
    const soon = times.slice(1).filter((seconds, i) => seconds - times[i]! < 0.49);
    expect(soon.length).toBeLessThanOrEqual(1);
  });

  it('counts a dump that kills its worker once, and decodes the next one', async () => {
    const directory = tempDir();
    const hungry = writeHungryDump(directory);
    copyFileSync(fixture(DUMP), join(directory, 'vmcore.good'));
    utimesSync(join(directory, 'vmcore.good'), 1000, 1000); // after the other
    const decoder = realDecoder({ maxMemoryBytes: 16 * 2 ** 20 });
    const running = startIngest([directory], { rescanMs: 100 }, decoder);
    await eventually('the next one', () => running.decoded.length || undefined);
    await sleep(1000);
    expect(running.failed).toMatchObject([{ path: hungry, failure: { reason: 'limit_exceeded' } }]);
    expect(running.decodes()).toBe(2);
  });

  it('tries again what could not be read, later each time, and tells it once', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'vmcore'), 'x');
    const report = crashReport();
    const failure = { reason: 'io', message: 'EIO' } as const;
    const decoder = scriptedDecoder(
      { kind: 'failure', failure, content: undefined },
      { kind: 'failure', failure, content: undefined },
      { kind: 'failure', failure, content: undefined },
      { kind: 'report', report, parts: [], content: '' },
    );
    let skippedMs = 0;
    const triedMs: number[] = [];
    const timed: DecodeClient = {
      decode: (file) => {
        triedMs.push(performance.now() + skippedMs);
        return decoder.decode(file);
      },
      close: () => decoder.close(),
    };
    const running = startIngest([directory], { rescanMs: 50 }, timed);
    const waitsMs = [2000, 4000, 8000];
    for (const [tries, waitMs] of waitsMs.entries()) {
      await nDecodes(running, tries + 1);
      skippedMs += waitMs - 300;
      running.skipMs(waitMs - 300);
    }
    await nDecoded(running, 1);
    expect(triedMs).toHaveLength(1 + waitsMs.length);
    for (const [i, waitMs] of waitsMs.entries()) {
      expect(triedMs[i + 1]! - triedMs[i]!).toBeGreaterThanOrEqual(waitMs);
    }
    expect(running.failed).toMatchObject([{ failure }]);
  });

  it('takes turns between directories, and of each the newest first', async () => {
    const [busy, calm] = [tempDir(), tempDir()];
    const write = (directory: string, count: number): void => {
      for (let i = 0; i < count; i++) {
        const path = join(directory, `vmcore.${i}`);
        writeFileSync(path, 'x');
        utimesSync(path, 1000 + i, 1000 + i);
      }
    };
    write(busy, 200);
    write(calm, 3);
    const running = startIngest([busy, calm], {}, failing('unsupported_format'));
    await eventually('all', () => running.failed.length === 203 || undefined);
    const order = running.failed.map(({ path: decoded }) => decoded);
    const ofCalm = [2, 1, 0].map((i) => join(calm, `vmcore.${i}`));
    expect(order.filter((path) => path.startsWith(calm))).toEqual(ofCalm);
    // It may settle a moment later than the first of the other: no later than a batch.
    expect(order.indexOf(ofCalm[2]!)).toBeLessThan(2 * 16 + 6);
    const ofBusy = order.filter((path) => path.startsWith(busy));
    expect(ofBusy.slice(0, 2)).toEqual([199, 198].map((i) => join(busy, `vmcore.${i}`)));
  });

  it('says which files there are when it starts, and when some vanished', async () => {
    const directory = tempDir();
    for (const name of ['vmcore.1', 'vmcore.2']) writeFileSync(join(directory, name), 'x');
    const running = startIngest([directory], {}, failing('unsupported_format'));
    await nDecodes(running, 2);
    rmSync(join(directory, 'vmcore.1'));
    await eventually('another list', () => running.only.length > 1 || undefined);
    const [one, two] = ['vmcore.1', 'vmcore.2'].map((name) => join(directory, name));
    expect(running.only.map(([root, present, gone]) => [root, present.toSorted(), gone])).toEqual([
      [directory, [one, two], []],
      [directory, [two], [one]],
    ]);
  });

  it('ignores a file that is no dump and is not called one, until it is one', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'notes'), 'of no dump');
    writeFileSync(join(directory, 'packed.gz'), gzipSync('of no dump either'));
    const running = startIngest([directory]);
    await nDecodes(running, 1); // what is in the second, its first bytes do not say
    await whenQuiet(running);
    expect([running.decoded, running.failed, running.decodes()]).toEqual([[], [], 1]);
    copyFileSync(fixture(DUMP), join(directory, 'notes'));
    await nDecoded(running, 1);
  });
});
