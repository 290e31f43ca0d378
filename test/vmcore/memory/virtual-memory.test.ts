import { describe, expect, it } from 'vitest';

import { physAddr, virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { type Translator, VirtualMemory } from '../../../src/vmcore/memory/virtual-memory.ts';
import { BE32, LE64, bytesOf, latin1 } from '../../support/builders/bytes.ts';
import { SparseMemory } from '../../support/builders/sparse-memory.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const PAGE = 4096n;

/** Virtual pages 0x10.. onto scattered physical ones: no two neighbours are neighbours. */
const FRAMES = new Map([
  [0x10n, 7n],
  [0x11n, 3n],
  [0x12n, 9n],
]);
const scattered: Translator = (address) => {
  const frame = FRAMES.get(address / PAGE);
  return frame === undefined ? undefined : physAddr(frame * PAGE + (address % PAGE));
};

function memoryOf(physical: SparseMemory): VirtualMemory {
  return new VirtualMemory(physical, scattered, LE64);
}

const filled = (): SparseMemory =>
  new SparseMemory()
    .write(7n * PAGE, bytesOf('a'.repeat(4096)))
    .write(3n * PAGE, bytesOf('b'.repeat(4096)))
    .write(9n * PAGE, bytesOf('c'.repeat(4096)));

describe('VirtualMemory', () => {
  it.each([
    ['within a page', 0x10010, 3, 'aaa'],
    ['to the end of a page', 0x10ffe, 2, 'aa'],
    ['across two pages', 0x10ffe, 4, 'aabb'],
    ['across three pages', 0x10fff, 4098, `a${'b'.repeat(4096)}c`],
    ['whole pages', 0x11000, 8192, 'b'.repeat(4096) + 'c'.repeat(4096)],
    ['nothing', 0x10000, 0, ''],
  ])('reads %s', (_, address, length, text) => {
    expect(latin1(memoryOf(filled()).read(virtAddr(address), length))).toBe(text);
  });

  it('throws Corrupt when an address on the way is not mapped', () => {
    const error = thrownBy(() => memoryOf(filled()).read(virtAddr(0x12ffe), 4));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.message).toBe('virtual address 0x13000: is not mapped');
  });

  it('throws PageMissing when a page on the way is not in the dump', () => {
    const memory = memoryOf(filled().drop(3n * PAGE, 'page_lost'));
    expect(thrownBy(() => memory.read(virtAddr(0x10ffe), 4))).toMatchObject({
      reason: 'page_lost',
    });
    expect(memory.read(virtAddr(0x10ffe), 2)).toHaveLength(2);
  });

  it('gives a cursor in the byte order of the machine that names its address', () => {
    const physical = new SparseMemory().write(7n * PAGE, bytesOf('\x01\x02\x03\x04'));
    const memory = new VirtualMemory(physical, scattered, BE32);
    const c = memory.cursor(virtAddr(0x10000), 4, 'thing');
    expect(c.word()).toBe(0x01020304n);
    expect(() => c.u8()).toThrow('thing at 0x10004: want 1 bytes, got 0');
  });
});
