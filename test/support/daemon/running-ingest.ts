// Ingest inside a test, over real directories with the real watcher and worker; only the ledger is the
// test's own, and the clocks, where a minute would have to pass.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { onTestFinished } from 'vitest';

import { decodeClient } from '../../../dist/decode/decode-client.js';
import type { DecodeBounds, DecodeClient } from '../../../src/decode/decode-client.ts';
import type { DecodeOutcome } from '../../../src/decode/decode-file.ts';
import { Ingest, type IngestOptions } from '../../../src/ingest/ingest.ts';
import type { Share } from '../../../src/ingest/share.ts';
import type { FileOutcome } from '../../../src/outcome.ts';
import { eventually } from '../system/eventually.ts';
import { memoryLog } from './logger.ts';

export const SETTLE_MS = 300;
/** So long that whatever is found before was found by an event. */
const RESCAN_MS = 60_000;

type Retained = readonly [root: string, present: readonly string[], vanished: readonly string[]];

export interface Running {
  readonly ingest: Ingest;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly decoded: readonly Extract<FileOutcome, { kind: 'report' }>[];
  readonly failed: readonly Extract<FileOutcome, { kind: 'failure' }>[];
  /** How long each decode took, seconds. */
  readonly durations: readonly number[];
  readonly recovered: readonly string[];
  /** Those of them that were read. */
  readonly read: readonly string[];
  /** What was said to be all the files of a root. */
  readonly only: readonly Retained[];
  readonly log: readonly string[];
  /** What was said of the first pass over the directories, whenever something was. */
  readonly passes: readonly ('partial' | 'over')[];
  /** Lets time pass that nobody waits for. */
  readonly skipMs: (ms: number) => void;
  /** How many decodes have ended. */
  readonly decodes: () => number;
}

/** @param recorded when what came out of a file is durable. */
export function startIngest(
  directories: readonly string[],
  { share, ...options }: Partial<IngestOptions> & { readonly share?: Share } = {},
  decoder: DecodeClient = realDecoder(),
  recorded: () => Promise<void> = () => Promise.resolve(),
): Running {
  const decoded: Extract<FileOutcome, { kind: 'report' }>[] = [];
  const failed: Extract<FileOutcome, { kind: 'failure' }>[] = [];
  const durations: number[] = [];
  const passes: ('partial' | 'over')[] = [];
  const recovered: string[] = [];
  const read: string[] = [];
  const only: Retained[] = [];
  const { log, lines } = memoryLog();
  let skippedMs = 0;
  let decodes = 0;
  const counting: DecodeClient = {
    decode: (file) => decoder.decode(file).finally(() => decodes++),
    close: () => decoder.close(),
  };
  const ingest = new Ingest(
    {
      directories,
      excluded: [],
      settleMs: SETTLE_MS,
      incompleteAfterMs: 300_000,
      rescanMs: RESCAN_MS,
      workers: 1,
      ...options,
    },
    {
      decoder: counting,
      ledger: {
        share,
        record: (outcome) => {
          if (outcome.kind === 'report') decoded.push(outcome);
          else failed.push(outcome);
          return recorded();
        },
        recovered: (path, isRead) => {
          recovered.push(path);
          if (isRead) read.push(path);
        },
        resultOf: () => undefined,
        reportFirstPass: (progress) => passes.push(progress),
        retain: (root, present, vanished) => only.push([root, [...present], vanished]),
      },
      observeDecode: (seconds) => durations.push(seconds),
      log,
      nowMs: () => Date.now() + skippedMs,
      monotonicMs: () => performance.now() + skippedMs,
    },
  );
  const ended = ingest.run();
  onTestFinished(async () => {
    await Promise.all([ingest.close(), ended, decoder.close()]);
  });
  return {
    ...{ ingest, ended, decoded, failed, recovered, read, only, durations, passes },
    log: lines,
    skipMs: (ms) => (skippedMs += ms),
    decodes: () => decodes,
  };
}

export function realDecoder(bounds: Partial<DecodeBounds> = {}): ReturnType<typeof decodeClient> {
  return decodeClient(
    { symbolPaths: [], workers: 1, timeoutMs: 60_000, maxMemoryBytes: 256 * 2 ** 20, ...bounds },
    memoryLog().log,
  );
}

/** A decoder that answers as told, one answer after the other, the last one for ever. */
export function scriptedDecoder(...answers: readonly DecodeOutcome[]): DecodeClient {
  const rest = [...answers];
  return {
    decode: () => Promise.resolve(rest.length > 1 ? rest.shift()! : rest[0]!),
    close: () => Promise.resolve(),
  };
}

/** A decoder that comes to no end before it is closed. */
export function stuckDecoder(): DecodeClient {
  const closed = new AbortController();
  return {
    async decode(): Promise<DecodeOutcome> {
      await once(closed.signal, 'abort');
      return { kind: 'gone' };
    },
    close(): Promise<void> {
      closed.abort();
      return Promise.resolve();
    },
  };
}

export function ready(running: Running): Promise<true> {
  return eventually('the first scan', () => running.ingest.isReady || undefined);
}

export function nDecoded(running: Running, count: number): Promise<true> {
  return eventually(`${count} decoded`, () => running.decoded.length >= count || undefined);
}

export function nDecodes(running: Running, count: number): Promise<true> {
  return eventually(`${count} decodes`, () => running.decodes() >= count || undefined);
}

export function nFailed(running: Running, count: number): Promise<true> {
  return eventually(`${count} failed`, () => running.failed.length >= count || undefined);
}

/** The lines of the log that say it, once there is one. */
export function logged(running: Running, what: string): Promise<readonly string[]> {
  const lines = (): string[] => running.log.filter((line) => line.includes(what));
  return eventually(what, () => (lines().length > 0 ? lines() : undefined));
}

/** When each directory was scanned last, Unix seconds. */
export function scanTimes({ ingest }: Running): readonly number[] {
  return ingest.status().directories.map(({ lastScanSeconds }) => lastScanSeconds);
}

/** Waits until nothing makes it scan any more. @returns when it did so last. */
export async function whenQuiet(running: Running): Promise<readonly number[]> {
  for (;;) {
    const before = scanTimes(running);
    await sleep(1500);
    if (scanTimes(running).every((time, i) => time === before[i])) return before;
  }
}
