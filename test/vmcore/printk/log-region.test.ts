import { describe, expect, it } from 'vitest';

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { LogMemory } from '../../../src/vmcore/printk/log-memory.ts';
import { LogRegion } from '../../../src/vmcore/printk/log-region.ts';
import { BYTE_ORDERS, LE64, patternPage } from '../../support/builders/bytes.ts';
import { SparseMemory, identityMapped } from '../../support/builders/sparse-memory.ts';

const AT = 0x10000n;
const ALL = Uint8Array.from([1, 2, 3].flatMap((seed) => [...patternPage(seed)]));
/** Where the region begins in its first page. */
const WITHIN = 100;

function regionOf(order: ByteOrder = LE64): { memory: SparseMemory; region: LogRegion } {
  const memory = new SparseMemory().write(AT, ALL);
  const pages = new LogMemory(identityMapped(memory, order), 1 << 20);
  return { memory, region: new LogRegion(pages, virtAddr(AT + BigInt(WITHIN))) };
}

describe('a region of a log', () => {
  it.each(BYTE_ORDERS.map((order) => [order.endian, order.wordBits, order] as const))(
    'has the numbers of a %s-endian machine of %i bits, also over the border of pages',
    (endian, wordBits, order) => {
      const { region } = regionOf(order);
      for (const offset of [4096 - WITHIN - 12, 0, 4096, 4096 - WITHIN - 4]) {
        expect(region.seek(offset, 24)).toBe(true);
        const view = new DataView(ALL.buffer, WITHIN + offset);
        const little = endian === 'little';
        expect(region.u8(3)).toBe(view.getUint8(3));
        expect(region.u16(6)).toBe(view.getUint16(6, little));
        expect(region.u32(8)).toBe(view.getUint32(8, little));
        expect(region.u64(16)).toBe(view.getBigUint64(16, little));
        const word = wordBits === 64 ? view.getBigUint64(8, little) : view.getUint32(8, little);
        expect(region.word(8)).toBe(BigInt(word));
        const start = WITHIN + offset + 2;
        expect(region.bytes(2, 20)).toEqual(ALL.subarray(start, start + 20));
      }
    },
  );

  it('says where not all of it is in the dump, and goes on elsewhere', () => {
    const { memory, region } = regionOf();
    memory.drop(AT + 4096n);
    const seeks = [0, 4096 - WITHIN - 4, 4096, 8192, 0].map((offset) => region.seek(offset, 8));
    expect(seeks).toEqual([true, false, false, true, true]);
    expect(region.u8(0)).toBe(ALL[WITHIN]);
  });

  it('reads each page once', () => {
    const { memory, region } = regionOf();
    for (const offset of [0, 5000, 8, 4096 - WITHIN - 4, 5008]) region.seek(offset, 8);
    expect(memory.touched.size).toBe(2);
  });
});
