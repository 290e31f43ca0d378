import { describe, expect, it } from 'vitest';

import { virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { LogMemory } from '../../../src/vmcore/printk/log-memory.ts';
import { patternPage } from '../../support/builders/bytes.ts';
import { SparseMemory, identityMapped } from '../../support/builders/sparse-memory.ts';

const AT = 0x10000n;
const PAGES = [1, 2, 3, 4].map((seed) => patternPage(seed));
const ALL = Uint8Array.from(PAGES.flatMap((page) => [...page]));

function memoryOf(maxBytes = 1 << 20): { memory: SparseMemory; log: LogMemory } {
  const memory = new SparseMemory().write(AT, ALL);
  return { memory, log: new LogMemory(identityMapped(memory), maxBytes) };
}
const at = (offset: number): ReturnType<typeof virtAddr> => virtAddr(AT + BigInt(offset));

describe('the memory of a log', () => {
  it.each([
    [0, 4096],
    [10, 100],
    [4090, 12],
    [4000, 9000],
  ])('reads at %i %i bytes, over the borders of pages', (offset, length) => {
    const { log } = memoryOf();
    expect(log.read(at(offset), length)).toEqual(ALL.subarray(offset, offset + length));
    expect(log.readOrZeros(at(offset), length)).toEqual(ALL.subarray(offset, offset + length));
  });

  it('has nothing where a page is missing, or zeros if they will do', () => {
    const { memory, log } = memoryOf();
    memory.drop(AT + 4096n);
    expect(log.read(at(4090), 12)).toBeUndefined();
    expect(log.read(at(8192), 12)).toEqual(ALL.subarray(8192, 8204));
    const patched = ALL.slice(4000, 9000).fill(0, 96, 96 + 4096);
    expect(log.readOrZeros(at(4000), 5000)).toEqual(patched);
    expect(log.exhausted).toBe(false);
  });

  it('reads each page once, and no more pages than allowed', () => {
    const { memory, log } = memoryOf(2 * 4096);
    for (const offset of [0, 4096, 8, 5000]) expect(log.read(at(offset), 8)).toBeDefined();
    expect(log.exhausted).toBe(false);
    expect(log.read(at(8192), 8)).toBeUndefined();
    expect(log.exhausted).toBe(true);
    expect(memory.touched.size).toBe(2);
  });

  it('says how much of any piece may be read', () => {
    const { log } = memoryOf(3 * 4096);
    expect(log.read(at(4000), log.readableBytes)).toBeDefined();
    expect(log.exhausted).toBe(false);
  });
});
