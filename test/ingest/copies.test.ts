// Dumps that are still being copied, as copies are made: an answer is never worse than "incomplete", and
// when the last byte is there it is the right one.

import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { exitOf } from '../support/daemon/program.ts';
import { nDecoded, startIngest } from '../support/daemon/running-ingest.ts';
import { fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { randomNumbers } from '../support/dumps/mutations.ts';
import { verdictOf } from '../support/dumps/verdict.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const DUMPS = [
  'x86_64-7.3.4.elf',
  'x86_64-7.3.4.raw',
  'x86_64-7.3.4.zlib',
  'x86_64-7.3.4.lzo',
  'x86_64-7.3.4.flat-lzo',
  'x86_64-7.3.4.flat-elf',
];
/** What a client of NFS sends at once, bytes; what it holds back may lie before what it has sent. */
const CHUNK = 64 * 1024;
const rsync = needsTool('rsync');

/** The pieces of a file in an order by chance. */
function piecesOf(bytes: Uint8Array, seed: number): { at: number; piece: Uint8Array }[] {
  const random = randomNumbers(seed);
  return Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, i) => ({
    at: i * CHUNK,
    piece: bytes.subarray(i * CHUNK, (i + 1) * CHUNK),
    order: random(),
  })).sort((one, other) => one.order - other.order);
}

/** What an answer is worth, with what is in the file so far. */
async function verdictOn(path: string, name: string): Promise<string> {
  const outcome = await decodeFile(path, { symbolPaths: [] });
  if (outcome.kind !== 'report') return 'none';
  const { report } = outcome;
  const verdict = verdictOf(report, { ...report, ...fixtureReport(name) });
  // That a page is absent from a whole dump is a claim too.
  return report.hwerr.kind === 'absent' && !report.incomplete ? 'silent' : verdict;
}

describe.each(DUMPS)('a copy of %s', (name) => {
  const bytes = readFileSync(fixture(name));

  it.each([
    ['which has its size at once', true],
    ['which grows to where it was written last', false],
  ])('that arrives in pieces, in any order, and %s, is never wrong', async (_, hasSize) => {
    const path = join(tempDir(), 'vmcore');
    const fd = openSync(path, 'w');
    if (hasSize) truncateSync(path, bytes.length);
    const verdicts = [];
    for (const { at, piece } of piecesOf(bytes, bytes.length)) {
      writeSync(fd, piece, 0, piece.length, at);
      verdicts.push(await verdictOn(path, name));
    }
    closeSync(fd);
    expect(verdicts).not.toContain('silent');
    expect(verdicts.at(-1)).toBe('right');
  });

  it('that leaves out the zeros as holes is the same', async () => {
    const path = join(tempDir(), 'vmcore');
    execFileSync('cp', ['--sparse=always', fixture(name), path]);
    expect(await verdictOn(path, name)).toBe('right');
  });
});

describe('a copy by rsync', () => {
  for (const flags of [[], ['--inplace'], ['--sparse'], ['--preallocate']]) {
    rsync.it(`${flags.join(' ') || 'as it is'} is one whole dump and no failure`, async () => {
      const name = 'x86_64-7.3.4.raw';
      const directory = tempDir();
      // What it writes to first has another name, and lies still, whole, until it gets its own.
      const running = startIngest([directory], { rescanMs: 100, settleMs: 2000 });
      const path = join(directory, 'vmcore');
      const slowly = ['--bwlimit=100K', '--whole-file', ...flags];
      const copy = spawn(rsync.path, [...slowly, fixture(name), path], { stdio: 'inherit' });
      onTestFinished(async () => {
        copy.kill('SIGKILL');
        await exitOf(copy);
      });
      await eventually('it is seen', () => running.ingest.status().discovered > 0 || undefined);
      expect(await exitOf(copy)).toBe(0);
      await nDecoded(running, 1);
      expect(running.failed).toEqual([]);
      expect(running.decoded.map(({ path: of }) => basename(of))).toEqual(['vmcore']);
      expect(running.decoded).toMatchObject([{ report: fixtureReport(name) }]);
    });
  }
});
