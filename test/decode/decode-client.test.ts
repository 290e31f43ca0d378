// The worker is the built one: a thread loads JavaScript.

import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { DecodeBounds, DecodeClient } from '../../src/decode/decode-client.ts';
import { versionOf } from '../../src/decode/file-source.ts';
import type { FoundFile } from '../../src/ingest/scan.ts';
import {
  fixture,
  fixtureReport,
  writeHungryDump,
  writeSlowDump,
} from '../support/dumps/fixtures.ts';
import { kdumpOf, kernel } from '../support/builders/kernel-builder.ts';
import { realDecoder } from '../support/daemon/running-ingest.ts';
import { eventually } from '../support/system/eventually.ts';
import { hungIt, mountHung } from '../support/system/hung-mount.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const MIB = 2 ** 20;
const DUMP = 'x86_64-7.3.4.lzo';
/** For a decode of that, in a thread that is to be started, on a machine with much other work. */
const TIMEOUT_MS = 8000;
const TOOK_LONG = `took longer than ${TIMEOUT_MS / 1000} s`;

function client(bounds: Partial<DecodeBounds> = {}): DecodeClient {
  const made = realDecoder(bounds);
  onTestFinished(() => made.close());
  return made;
}

/** As a scan of its directory finds it; nothing, where there is nothing. */
function fileOf(path: string): Pick<FoundFile, 'root' | 'path' | 'version'> {
  const stat = statSync(path, { throwIfNoEntry: false });
  return { root: dirname(path), path, version: stat === undefined ? '' : versionOf(stat) };
}

const outOfMemory = {
  kind: 'failure',
  failure: {
    reason: 'limit_exceeded',
    message: expect.stringContaining(
      'Worker terminated due to reaching memory limit: JS heap out of memory',
    ) as string,
  },
};

describe('decodeClient', () => {
  it('answers as decodeFile does, from another thread', async () => {
    const decoder = client();
    const bad = join(tempDir(), 'bad');
    writeFileSync(bad, 'hello');
    const answers = await Promise.all(
      [fixture(DUMP), bad, join(tempDir(), 'gone')].map((path) => decoder.decode(fileOf(path))),
    );
    expect(answers).toMatchObject([
      { kind: 'report', report: fixtureReport(DUMP), parts: [] },
      { kind: 'failure', failure: { reason: 'not_a_dump' } },
      { kind: 'gone' },
    ]);
  });

  it('leaves this thread free while a decode runs', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = client({ timeoutMs: 600_000 });
    await decoder.decode(fileOf(fixture(DUMP))); // for which the thread is started
    let isOver = false;
    const running = decoder.decode(fileOf(slow)).then(() => (isOver = true));
    for (let turn = 0; turn < 100; turn++) await sleep(10);
    expect(isOver).toBe(false); // it takes minutes
    await decoder.close();
    await running;
  });

  it('ends a decode at the deadline, and decodes the next file', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = client({ timeoutMs: TIMEOUT_MS });
    expect(await decoder.decode(fileOf(slow))).toEqual({
      kind: 'failure',
      failure: { reason: 'timeout', message: TOOK_LONG },
    });
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toMatchObject({ kind: 'report' });
  });

  it('survives the death of its worker in a decode, and decodes the next file', async () => {
    const hungry = writeHungryDump(tempDir());
    const decoder = client({ maxMemoryBytes: 16 * MIB });
    expect(await decoder.decode(fileOf(hungry))).toEqual(outOfMemory);
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toMatchObject({ kind: 'report' });
  });

  it('reads of a log that is full of errors what its memory has room for', async () => {
    const line = (i: number): string =>
      `EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#0_DIMM#0 (channel:0 slot:0 page:0x${i} offset:0x0)`;
    const records = Array.from({ length: 32_000 }, (_, i) => line(i));
    const path = join(tempDir(), 'errors');
    const log = { countBits: 15, sizeBits: 23, records };
    writeFileSync(path, kdumpOf(kernel({ fillers: 20, log })).bytes);
    expect(await client({ maxMemoryBytes: 32 * MIB }).decode(fileOf(path))).toMatchObject({
      kind: 'report',
      report: { hwerr: { kind: 'present' }, log: { records: 8192, truncated: true } },
    });
  });

  it('survives a worker that cannot even start, every time', async () => {
    const decoder = client({ maxMemoryBytes: 4 * MIB }); // of less, Node itself dies
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toEqual(outOfMemory);
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toEqual(outOfMemory);
  });

  it('closes while a decode runs, which ends with it', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = realDecoder();
    const running = decoder.decode(fileOf(slow));
    await decoder.close();
    expect(await running).toMatchObject({ kind: 'failure', failure: { reason: 'internal' } });
  });

  it('decodes as many files at a time as it has workers', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = client({ workers: 2, timeoutMs: 600_000 });
    let isSlowOver = false;
    const running = decoder.decode(fileOf(slow)).then(() => (isSlowOver = true));
    for (let i = 0; i < 3; i++) {
      expect(await decoder.decode(fileOf(fixture(DUMP)))).toMatchObject({ kind: 'report' });
    }
    expect(isSlowOver).toBe(false);
    await decoder.close();
    await running;
  });

  it('shares its memory among its workers', async () => {
    const hungry = writeHungryDump(tempDir());
    const one = client({ workers: 1, maxMemoryBytes: 128 * MIB });
    expect(await one.decode(fileOf(hungry))).toMatchObject({ kind: 'report' });
    const eight = client({ workers: 8, maxMemoryBytes: 128 * MIB });
    expect(await eight.decode(fileOf(hungry))).toEqual(outOfMemory);
  });

  it('ends a thread that has nothing to do for 30 s, and starts another when it has', async () => {
    const started: Worker[] = [];
    const add = (worker: Worker): void => void started.push(worker);
    process.on('worker', add);
    onTestFinished(() => void process.off('worker', add));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const decoder = client();
    expect(started).toHaveLength(0);
    for (const [n, idleMs] of [
      [1, 29_000],
      [1, 29_000],
      [1, 30_000],
      [2, 0],
    ] as const) {
      expect(await decoder.decode(fileOf(fixture(DUMP)))).toMatchObject({ kind: 'report' });
      expect(started).toHaveLength(n);
      const ended = idleMs < 30_000 ? undefined : once(started[n - 1]!, 'exit');
      vi.advanceTimersByTime(idleMs);
      await ended;
    }
  });

  hungIt(
    'leaves alone what hangs, and the directory where several do, until it answers',
    async () => {
      const hung = join(tempDir(), 'hung');
      mkdirSync(hung);
      const unmount = await mountHung(hung);
      const decoder = client({ timeoutMs: TIMEOUT_MS });
      const reasonOf = async (name: string): Promise<unknown> => {
        const outcome = await decoder.decode({ root: hung, path: join(hung, name), version: '' });
        return outcome.kind === 'failure' ? outcome.failure : outcome.kind;
      };
      const tookLong = { reason: 'timeout', message: TOOK_LONG };
      const leftAlone = (name: string): unknown => ({
        reason: 'timeout',
        message: `${join(hung, name)}: left alone, reads hang in ${hung}`,
      });
      expect(await reasonOf('1')).toEqual(tookLong);
      expect(await reasonOf('1')).toEqual(leftAlone('1'));
      expect(await reasonOf('2')).toEqual(tookLong);
      expect(await reasonOf('3')).toEqual(leftAlone('3'));
      expect(await decoder.decode(fileOf(fixture(DUMP)))).toMatchObject({ kind: 'report' });
      expect(await reasonOf('4')).toEqual(leftAlone('4'));
      await unmount();
      await eventually(
        'it is read again',
        async () => (await reasonOf('3')) === 'gone' || undefined,
      );
    },
  );
});
