/**
 * A damaged dump gives a report or one VmcoreError, soon and in little memory, and never a wrong
 * count: none is better. Where the memory of the dump has no checksum (all but zlib), that holds for
 * damage to everything but memory.
 */
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { decodeDamaged, describeOutcome, isUntrue } from '../support/dumps/damage.ts';
import { fixture, fixtureReport } from '../support/dumps/fixtures.ts';
import { type Mutant, mutants } from '../support/dumps/mutations.ts';
import { FIRST_RECORD } from '../support/builders/flattened-builder.ts';
import { EHDR_BYTES, PHDR_BYTES, segmentsOf } from '../support/dumps/trim/elf.ts';
import { flattenKdump } from '../support/dumps/trim/flattened.ts';
import { trimKdump } from '../support/dumps/trim/kdump.ts';
import { neededPages } from '../support/dumps/trim/pages.ts';

const SPAN = 64 << 10;
const MAX_GROWTH_BYTES = 256 << 20;

const truth = fixtureReport('x86_64-7.3.4.zlib');
const tables = readFileSync(fixture('x86_64-7.3.4.zlib'));
const kdump = trimKdump(tables, neededPages(tables, 'touched'));
const elf = readFileSync(fixture('x86_64-7.3.4.elf'));
const flatElf = readFileSync(fixture('x86_64-7.3.4.flat-elf'));

/** Where an ELF core keeps memory, which nothing in the file vouches for. */
interface Memory {
  readonly start: number;
  readonly end: number;
}

const CHECKSUMMED: Memory = { start: 0, end: 0 };
const [noteSegment, ...loads] = segmentsOf(elf);
const elfMemory: Memory = { start: loads[0]!.offset, end: elf.length };
/** Behind the records of the header and of the notes, before that of the program headers and the end. */
const flatElfMemory: Memory = {
  start: FIRST_RECORD + (16 + EHDR_BYTES) + (16 + noteSegment!.size) + 16,
  end: flatElf.length - 16 - (16 + (loads.length + 1) * PHDR_BYTES),
};

const CONTAINERS = [
  { name: 'kdump', dump: kdump, memory: CHECKSUMMED },
  { name: 'flattened kdump', dump: flattenKdump(kdump), memory: CHECKSUMMED },
  { name: 'elf', dump: elf, memory: elfMemory },
  { name: 'flattened elf', dump: flatElf, memory: flatElfMemory },
];

/** Names of mutants that led to an untruth; a mutant that throws anything unforeseen ends the test. */
function untruths(from: Iterable<Mutant>, memory: Memory): string[] {
  const found: string[] = [];
  for (const { bytes, what, offset, length } of from) {
    let outcome;
    try {
      outcome = decodeDamaged(bytes);
    } catch (cause) {
      throw new Error(what, { cause });
    }
    const isMemory = offset < memory.end && offset + length > memory.start;
    if (!isMemory && isUntrue(outcome, truth)) found.push(`${what}: ${describeOutcome(outcome)}`);
  }
  return found;
}

describe.each(CONTAINERS)('a damaged $name dump', ({ dump, memory }) => {
  it('says nothing untrue when one place of its first 64 KiB is damaged', () => {
    expect(untruths(mutants(dump, { seed: 1, count: 2000, span: SPAN }), memory)).toEqual([]);
  });

  it('says nothing untrue when one place anywhere is damaged', () => {
    expect(untruths(mutants(dump, { seed: 2, count: 1000, span: dump.length }), memory)).toEqual(
      [],
    );
  });
});

describe('a damaged dump with all its names', () => {
  it('says nothing untrue when the search by name falls back to reading them all', () => {
    expect(
      untruths(mutants(tables, { seed: 3, count: 150, span: tables.length }), CHECKSUMMED),
    ).toEqual([]);
  });
});

describe('damaged dumps together', () => {
  it('leave no memory behind', () => {
    const before = process.memoryUsage().rss;
    for (const { dump, memory } of CONTAINERS) {
      untruths(mutants(dump, { seed: 4, count: 200, span: SPAN }), memory);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH_BYTES);
  });
});
