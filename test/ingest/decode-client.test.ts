// The worker is the built one: a thread pool loads JavaScript.

import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import {
  type DecodeBounds,
  type DecodeClient,
  decodeClient,
} from '../../dist/ingest/decode-client.js';
import { fixture, fixtureReport, writeSlowDump } from '../support/fixtures.ts';
import { kdumpHeaders } from '../support/kdump-builder.ts';
import { tempDir } from '../support/temp-dir.ts';

const MIB = 2 ** 20;
const DUMP = 'x86_64-7.3.4.lzo';
const BOUNDS = { symbolPaths: [], timeoutMs: 60_000, maxMemoryBytes: 256 * MIB };

function client(bounds: Partial<DecodeBounds> = {}): DecodeClient {
  const made = decodeClient({ ...BOUNDS, ...bounds });
  onTestFinished(() => made.close());
  return made;
}

const outOfMemory = {
  kind: 'failed',
  failure: {
    reason: 'internal',
    message: 'Worker terminated due to reaching memory limit: JS heap out of memory',
  },
};

/** A bitmap of 64 TiB of memory, a hole in the file: to count its pages takes more than 10 MiB. */
function writeHungryDump(path: string): void {
  const maxPfn = 2 ** 34;
  writeFileSync(path, kdumpHeaders({ maxPfn, bitmaps: 1 }).toBytes());
  truncateSync(path, 8192 + maxPfn / 8);
}

describe('decodeClient', () => {
  it('answers as decodeFile does, from another thread', async () => {
    const decoder = client();
    const bad = join(tempDir(), 'bad');
    writeFileSync(bad, 'hello');
    const answers = await Promise.all(
      [fixture(DUMP), bad, join(tempDir(), 'gone')].map((path) => decoder.decode(path)),
    );
    expect(answers).toMatchObject([
      { kind: 'decoded', report: fixtureReport(DUMP), parts: [] },
      { kind: 'failed', failure: { reason: 'not_a_dump' } },
      { kind: 'gone' },
    ]);
  });

  it('leaves this thread free while a decode runs', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = client({ timeoutMs: 1000 });
    let turns = 0;
    const counter = setInterval(() => turns++, 10);
    onTestFinished(() => {
      clearInterval(counter);
    });
    await decoder.decode(slow);
    expect(turns).toBeGreaterThan(5);
  });

  it('ends a decode at the deadline, and decodes the next file', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = client({ timeoutMs: 3000 });
    const startMs = performance.now();
    expect(await decoder.decode(slow)).toEqual({
      kind: 'failed',
      failure: { reason: 'timeout', message: 'took longer than 3 s' },
    });
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await decoder.decode(fixture(DUMP))).toMatchObject({ kind: 'decoded' });
  });

  it('survives the death of its worker in a decode, and decodes the next file', async () => {
    const hungry = join(tempDir(), 'hungry');
    writeHungryDump(hungry);
    const decoder = client({ maxMemoryBytes: 10 * MIB });
    expect(await decoder.decode(hungry)).toEqual(outOfMemory);
    expect(await decoder.decode(fixture(DUMP))).toMatchObject({ kind: 'decoded' });
  }, 120_000);

  it('survives a worker that cannot even start, every time', async () => {
    const decoder = client({ maxMemoryBytes: MIB });
    expect(await decoder.decode(fixture(DUMP))).toEqual(outOfMemory);
    expect(await decoder.decode(fixture(DUMP))).toEqual(outOfMemory);
  });

  it('closes while a decode runs, which ends with it', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = decodeClient(BOUNDS);
    const running = decoder.decode(slow);
    await decoder.close();
    expect(await running).toMatchObject({ kind: 'failed', failure: { reason: 'internal' } });
  });
});
