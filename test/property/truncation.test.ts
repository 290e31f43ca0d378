/**
 * A dump cut off anywhere gives what is left of it, marked incomplete, or one VmcoreError: the counts
 * as they were, or that their page is lost.
 */
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { VmcoreError } from '../../src/vmcore/index.ts';
import { decodeDamaged, describeOutcome, isUntrue } from '../support/dumps/damage.ts';
import { fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { randomNumbers } from '../support/dumps/mutations.ts';

/** Of the fixtures that keep all names, one: where the order by name is lost, all of them are read. */
const FILES = [
  'x86_64-7.3.4.raw',
  'x86_64-7.3.4.flat-lzo',
  'x86_64-7.3.4.elf',
  'x86_64-7.3.4.flat-elf',
  'arm64-7.3.4.elf',
  'i386-7.2.13-pae.elf',
  'x86_64-6.19.10-no-note.flat-zlib',
];

/** Ends of headers, of the parts that follow them, and of the blocks they lie in. */
const BOUNDARIES = [464, 4096, 4112, 4200, 8192, 12288, 36864, 61440, 65536, 131072];
const SMALL_STEP_TO = 8192;
const RANDOM_LENGTHS = 200;

function lengthsOf(size: number): number[] {
  const random = randomNumbers(size);
  const lengths = [
    ...Array.from({ length: 16 }, (_, i) => i),
    ...Array.from({ length: SMALL_STEP_TO / 16 }, (_, i) => i * 16 + (i % 16)),
    ...BOUNDARIES.flatMap((at) => [at - 1, at, at + 1]),
    ...Array.from({ length: RANDOM_LENGTHS }, () => Math.floor(random() * size)),
    ...Array.from({ length: 40 }, (_, i) => size - 1 - i),
  ];
  return [...new Set(lengths)].filter((length) => length < size).sort((a, b) => a - b);
}

describe.each(FILES)('%s cut off', (file) => {
  const dump = readFileSync(fixture(file));
  const truth = fixtureReport(file);
  const outcomes = lengthsOf(dump.length).map(
    (length) => [length, decodeDamaged(dump.subarray(0, length))] as const,
  );
  const described = (wrong: typeof outcomes): string[] =>
    wrong.map(([length, outcome]) => `${length} bytes: ${describeOutcome(outcome)}`);

  it('says nothing untrue', () => {
    expect(described(outcomes.filter(([, outcome]) => isUntrue(outcome, truth)))).toEqual([]);
  });

  it('is incomplete, or lost too much to say anything', () => {
    const wrong = outcomes.filter(([, outcome]) => {
      if (!(outcome instanceof VmcoreError)) return !outcome.incomplete;
      return !['truncated', 'page_lost'].includes(outcome.reason);
    });
    expect(described(wrong)).toEqual([]);
  });

  it('still gives its counts when only the last bytes are gone', () => {
    const answered = outcomes.filter(([, outcome]) => {
      return !(outcome instanceof VmcoreError) && outcome.hwerr.kind === 'present';
    });
    expect(answered.length).toBeGreaterThan(0);
  });
});
