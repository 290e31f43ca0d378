// Several collectors see the same files; this one counts those of its hosts.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { FailureReason } from '../../src/failure.ts';
import type { Share } from '../../src/ingest/share.ts';
import { shareOf } from '../../src/ledger/share.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import {
  nDecoded,
  nDecodes,
  nFailed,
  ready,
  scriptedDecoder,
  startIngest,
  whenQuiet,
} from '../support/daemon/running-ingest.ts';
import { tempDir } from '../support/system/temp-dir.ts';

/** Of three shards by sha256sum: host000 and `unknown` fall to the first, host002 to the second. */
const shareOfShard = (index: number, pattern?: RegExp): Share =>
  shareOf({ index, count: 3 }, { fallback: 'unknown', pattern });
const BY_FOLDER = /\/(host\d+)\//;

function dumpIn(directory: string, host: string): string {
  mkdirSync(join(directory, host));
  const path = join(directory, host, 'vmcore');
  copyFileSync(fixture('x86_64-7.3.4.lzo'), path);
  return path;
}

describe('a file of another collector', () => {
  it('is not even decoded where its path says so', async () => {
    const directory = tempDir();
    dumpIn(directory, 'host002');
    const ours = dumpIn(directory, 'host000');
    const share = shareOfShard(0, BY_FOLDER);
    const running = startIngest([directory], { share });
    await nDecoded(running, 1);
    await whenQuiet(running);
    expect(running.decodes()).toBe(1);
    expect(running.decoded.map(({ path }) => path)).toEqual([ours]);
    const { discovered, present, queueLength } = running.ingest.status();
    expect([discovered, present.complete.map(({ path }) => path), queueLength]).toEqual([
      1,
      [ours],
      0,
    ]);
    expect(running.only).toEqual([[directory, [ours], []]]);
    expect(running.passes.at(-1)).toBe('over');
  });

  it('is not recorded where its dump says so, and decoded once', async () => {
    const directory = tempDir();
    dumpIn(directory, 'a');
    const report = crashReport({ nodename: 'host002' });
    const running = startIngest(
      [directory],
      { share: shareOfShard(0), rescanMs: 200 },
      scriptedDecoder({ kind: 'report', report, parts: [], content: 'a' }),
    );
    await nDecodes(running, 1);
    dumpIn(directory, 'b');
    await nDecodes(running, 2);
    const { present, decoded } = running.ingest.status();
    expect([running.decoded, present, decoded]).toEqual([[], { complete: [], incomplete: [] }, 0]);
    expect(running.passes.at(-1)).toBe('over');
    expect(running.log.filter((line) => /warn|error/.test(line))).toEqual([]);
  });
});

describe('a file that does not say whose it is', () => {
  const undecodable = (reason: FailureReason, index: number): ReturnType<typeof startIngest> => {
    const directory = tempDir();
    writeFileSync(join(directory, 'vmcore'), 'no dump');
    const decoder = scriptedDecoder({
      kind: 'failure',
      failure: { reason, message: '' },
      content: undefined,
    });
    return startIngest([directory], { share: shareOfShard(index) }, decoder);
  };

  it('is a failure of one collector', async () => {
    const [first, second] = [undecodable('encrypted', 0), undecodable('encrypted', 1)];
    await nFailed(first, 1);
    await nDecodes(second, 1);
    await ready(second);
    await whenQuiet(second);
    expect([first.failed.length, second.failed.length]).toEqual([1, 0]);
  });

  it.each(['permission', 'io', 'timeout'] as const)(
    'is a failure of each that cannot read it: %s',
    async (reason) => {
      for (const index of [0, 1]) await nFailed(undecodable(reason, index), 1);
    },
  );

  it('is a crash of one collector', async () => {
    const report = crashReport({ nodename: null });
    const found = await Promise.all(
      [0, 1, 2].map(async (index) => {
        const directory = tempDir();
        dumpIn(directory, 'a');
        const running = startIngest(
          [directory],
          { share: shareOfShard(index) },
          scriptedDecoder({ kind: 'report', report, parts: [], content: 'a' }),
        );
        await nDecodes(running, 1);
        await whenQuiet(running);
        return running.decoded.length;
      }),
    );
    expect(found).toEqual([1, 0, 0]);
  });
});
