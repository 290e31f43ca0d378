// The worker is the built one: a thread pool loads JavaScript.

import { statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import {
  type DecodeBounds,
  type DecodeClient,
  decodeClient,
} from '../../dist/decode/decode-client.js';
import { versionOf } from '../../src/decode/file-source.ts';
import type { FoundFile } from '../../src/ingest/scan.ts';
import {
  fixture,
  fixtureReport,
  writeHungryDump,
  writeSlowDump,
} from '../support/dumps/fixtures.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const MIB = 2 ** 20;
const DUMP = 'x86_64-7.3.4.lzo';
const BOUNDS = { symbolPaths: [], timeoutMs: 60_000, maxMemoryBytes: 256 * MIB };

function client(bounds: Partial<DecodeBounds> = {}): DecodeClient {
  const made = decodeClient({ ...BOUNDS, ...bounds });
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
    reason: 'internal',
    message: 'Worker terminated due to reaching memory limit: JS heap out of memory',
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
    const decoder = client({ timeoutMs: 1000 });
    let turns = 0;
    const counter = setInterval(() => turns++, 10);
    onTestFinished(() => {
      clearInterval(counter);
    });
    await decoder.decode(fileOf(slow));
    expect(turns).toBeGreaterThan(5);
  });

  it('ends a decode at the deadline, and decodes the next file', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = client({ timeoutMs: 3000 });
    const startMs = performance.now();
    expect(await decoder.decode(fileOf(slow))).toEqual({
      kind: 'failure',
      failure: { reason: 'timeout', message: 'took longer than 3 s' },
    });
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toMatchObject({ kind: 'report' });
  });

  it('survives the death of its worker in a decode, and decodes the next file', async () => {
    const hungry = join(tempDir(), 'hungry');
    writeHungryDump(hungry);
    const decoder = client({ maxMemoryBytes: 10 * MIB });
    expect(await decoder.decode(fileOf(hungry))).toEqual(outOfMemory);
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toMatchObject({ kind: 'report' });
  });

  it('survives a worker that cannot even start, every time', async () => {
    const decoder = client({ maxMemoryBytes: 4 * MIB }); // of less, Node itself dies
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toEqual(outOfMemory);
    expect(await decoder.decode(fileOf(fixture(DUMP)))).toEqual(outOfMemory);
  });

  it('closes while a decode runs, which ends with it', async () => {
    const slow = join(tempDir(), 'slow');
    writeSlowDump(slow, 64);
    const decoder = decodeClient(BOUNDS);
    const running = decoder.decode(fileOf(slow));
    await decoder.close();
    expect(await running).toMatchObject({ kind: 'failure', failure: { reason: 'internal' } });
  });
});
