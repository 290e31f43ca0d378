// The real directories, the real watcher, the real worker; only the sink is the test's own, and the
// clock where a minute would have to pass.

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
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { decodeClient } from '../../dist/ingest/decode-client.js';
import { FAILURE_REASONS, type FailureReason } from '../../src/failure.ts';
import type { DecodeClient } from '../../src/ingest/decode-client.ts';
import type { Outcome } from '../../src/ingest/decode-file.ts';
import {
  type DecodedFile,
  type FailedFile,
  Ingest,
  type IngestOptions,
} from '../../src/ingest/ingest.ts';
import { eventually } from '../support/eventually.ts';
import { fixture, fixtureReport, writeSlowDump } from '../support/fixtures.ts';
import { memoryLog } from '../support/logger.ts';
import { crashReport } from '../support/reports.ts';
import { tempDir } from '../support/temp-dir.ts';

const SETTLE_MS = 300;
const DUMP = 'x86_64-7.3.4.lzo';
/** So long that whatever is found before was found by an event. */
const RESCAN_MS = 60_000;

interface Running {
  readonly ingest: Ingest;
  readonly decoded: readonly DecodedFile[];
  readonly failed: readonly FailedFile[];
  readonly log: readonly string[];
  /** Lets time pass that nobody waits for. */
  readonly skipMs: (ms: number) => void;
  /** How many decodes have ended. */
  readonly decodes: () => number;
}

function startIngest(
  directories: readonly string[],
  options: Partial<IngestOptions> = {},
  decoder: DecodeClient = realDecoder(),
): Running {
  const decoded: DecodedFile[] = [];
  const failed: FailedFile[] = [];
  const { log, lines } = memoryLog();
  let skippedMs = 0;
  let decodes = 0;
  const counting: DecodeClient = {
    decode: (path) => decoder.decode(path).finally(() => decodes++),
    close: () => decoder.close(),
  };
  const ingest = new Ingest(
    { directories, excluded: [], settleMs: SETTLE_MS, rescanMs: RESCAN_MS, ...options },
    {
      decoder: counting,
      sink: { decoded: (file) => decoded.push(file), failed: (file) => failed.push(file) },
      log,
      nowMs: () => Date.now() + skippedMs,
    },
  );
  const running = ingest.run();
  onTestFinished(async () => {
    ingest.close();
    await Promise.all([running, decoder.close()]);
  });
  return {
    ingest,
    decoded,
    failed,
    log: lines,
    skipMs: (ms) => (skippedMs += ms),
    decodes: () => decodes,
  };
}

function realDecoder(timeoutMs = 60_000): DecodeClient {
  return decodeClient({ symbolPaths: [], timeoutMs, maxMemoryBytes: 256 * 2 ** 20 });
}

/** A decoder that answers as told, one answer after the other, the last one for ever. */
function scriptedDecoder(...answers: readonly Outcome[]): DecodeClient {
  const rest = [...answers];
  return {
    decode: () => Promise.resolve(rest.length > 1 ? rest.shift()! : rest[0]!),
    close: () => Promise.resolve(),
  };
}

function failing(reason: FailureReason): DecodeClient {
  return scriptedDecoder({ kind: 'failed', failure: { reason, message: '' } });
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

function ready(running: Running): Promise<true> {
  return eventually('the first scan', () => running.ingest.isReady || undefined);
}

function nDecoded(running: Running, count: number): Promise<true> {
  return eventually(`${count} decoded`, () => running.decoded.length >= count || undefined);
}

function nDecodes(running: Running, count: number): Promise<true> {
  return eventually(`${count} decodes`, () => running.decodes() >= count || undefined);
}

/** When each directory was scanned last, Unix seconds. */
function scanTimes({ ingest }: Running): readonly number[] {
  return ingest.status().directories.map(({ lastScanSeconds }) => lastScanSeconds);
}

/** Waits until nothing makes it scan any more. @returns when it did so last. */
async function whenQuiet(running: Running): Promise<readonly number[]> {
  for (;;) {
    const before = scanTimes(running);
    await sleep(1500);
    if (scanTimes(running).every((time, i) => time === before[i])) return before;
  }
}

describe('Ingest', () => {
  it('decodes what is there when it starts, and hands on the report', async () => {
    const directory = tempDir();
    const path = join(directory, '127.0.0.1-2026-10-03-04:05:51', 'vmcore');
    mkdirSync(dirname(path));
    copyFileSync(fixture(DUMP), path);
    const running = startIngest([directory]);
    expect(running.ingest.isReady).toBe(false);
    await nDecoded(running, 1);
    expect(running.decoded).toMatchObject([{ path, report: fixtureReport(DUMP) }]);
    expect(running.decoded[0]!.durationSeconds).toBeGreaterThan(0);
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
    expect(Math.abs(Date.now() / 1000 - lastDecodeSeconds)).toBeLessThan(5);
    expect(Math.abs(Date.now() / 1000 - directories[0]!.lastScanSeconds)).toBeLessThan(5);
  });

  it('decodes a dump that is copied in while it runs, long before the next periodic scan', async () => {
    const directory = tempDir();
    const running = startIngest([directory]);
    await ready(running);
    await sleep(500);
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
    for (let i = 0; i < others; i++) writeFileSync(join(second, `file.${i}`), '');
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
      running.failed.find(({ path }) => path === join(first, 'vmcore')),
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
      writeFileSync(join(directory, reason), 'longer than the magic of any dump');
    }
    const byName: DecodeClient = {
      decode: (path) => failing(basename(path) as FailureReason).decode(path),
      close: () => Promise.resolve(),
    };
    const running = startIngest([directory], { rescanMs: 100 }, byName);
    const reasons = (): string[] => running.failed.map(({ failure }) => failure.reason).sort();
    const atOnce = FAILURE_REASONS.filter((reason) => !MENDED_BY_THE_REST.has(reason));
    await nDecodes(running, FAILURE_REASONS.length);
    await sleep(500);
    expect(reasons()).toEqual(atOnce.sort());
    running.skipMs(60_000);
    await nDecodes(running, FAILURE_REASONS.length + MENDED_BY_THE_REST.size);
    await sleep(500);
    expect(reasons()).toEqual([...FAILURE_REASONS].sort());
  });

  it('says nothing of the beginning of a dump until it lay still for a minute', async () => {
    const directory = tempDir();
    const bytes = readFileSync(fixture('x86_64-7.3.4.flat-elf'));
    const lengths = [0, 8, 4096, 8192, 40_000, 200_000];
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
    expect(running.decoded.map(({ path }) => path)).toEqual(
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
    const running = startIngest([directory], {}, realDecoder(3000));
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
    const decoder = scriptedDecoder({ kind: 'changed' }, { kind: 'decoded', report, parts: [] });
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
    await ready(running);
    await sleep(500);
    expect(running.ingest.status().directories).toMatchObject([{ directory, up: false }]);
    const complaints = running.log.filter((line) => line.includes('cannot scan'));
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
    const { log } = memoryLog();
    const decoder = realDecoder();
    const answers: string[] = [];
    const ingest = new Ingest(
      { directories: [directory], excluded: [], settleMs: SETTLE_MS, rescanMs: RESCAN_MS },
      {
        decoder,
        sink: { decoded: () => answers.push('decoded'), failed: () => answers.push('failed') },
        log,
        nowMs: Date.now,
      },
    );
    const running = ingest.run();
    await eventually('the slow decode', () => ingest.status().decodesInProgress || undefined);
    ingest.close();
    await Promise.all([running, decoder.close()]);
    await sleep(100);
    expect(answers).toEqual([]);
  });
});
