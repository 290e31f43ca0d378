import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import type { Kernel } from '../../../src/vmcore/kernel.ts';
import { newestRecords } from '../../../src/vmcore/printk/ring.ts';
import { BE64, BYTE_ORDERS, LE32, LE64, latin1, orderName } from '../../support/builders/bytes.ts';
import { type LogRecipe, printkRing } from '../../support/builders/printk-builder.ts';
import { SparseMemory, identityMapped } from '../../support/builders/sparse-memory.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const AT = 0x100000n;

interface Log extends Partial<LogRecipe> {
  readonly editKeys?: (keys: string) => string;
  readonly editMemory?: (memory: SparseMemory) => void;
}

/** What newestRecords needs of a kernel. */
function kernelWith({ editKeys = (keys) => keys, editMemory, ...recipe }: Log): Kernel {
  const { order = LE64, at = AT } = recipe;
  const built = printkRing({ order, at, records: [], ...recipe });
  const memory = new SparseMemory().write(at, built.bytes);
  if (recipe.ring !== undefined) memory.write(recipe.ring, built.ring);
  editMemory?.(memory);
  const vmcoreinfo = new Vmcoreinfo(editKeys(built.keys));
  return { vmcoreinfo, memory: identityMapped(memory, order) } as Kernel;
}

function read(log: Log, maxRecords = 100, maxBytes = 512): string[] {
  return [...newestRecords(kernelWith(log), maxRecords, maxBytes)].map(latin1);
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `record ${i}`);
const newestFirst = (count: number, kept: number): string[] =>
  numbered(count).reverse().slice(0, kept);

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'newestRecords of a %s kernel',
  (_, order) => {
    it.each([88, 112])('gives texts, newest first, by a printk_info of %i bytes', (infoSize) => {
      expect(read({ order, infoSize, records: numbered(5) })).toEqual(newestFirst(5, 5));
    });

    it('wraps around the ring of records and the ring of texts', () => {
      // 40 records of some 24 bytes through 8 slots and 256 bytes of text.
      const wrapped = read({ order, records: numbered(40), countBits: 3, sizeBits: 8 });
      expect(wrapped).toEqual(newestFirst(40, 8));
    });

    it('follows ids over the end of their range', () => {
      const firstId = (1n << BigInt(order.wordBits - 2)) - 3n;
      expect(read({ order, firstId, records: numbered(6) })).toEqual(newestFirst(6, 6));
    });
  },
);

describe('newestRecords', () => {
  it.each([LE64, BE64, LE32])('finds a ring that was made larger at boot, %o', (order) => {
    const ring = 0x900000n;
    expect(read({ order, ring, records: numbered(3) })).toEqual(newestFirst(3, 3));
  });

  it('passes over records without text, and those that were never finished', () => {
    const records = ['one', null, { reserved: 'half' }, 'two', ''];
    expect(read({ records })).toEqual(['', 'two', 'one']);
  });

  it('stops where the ring has no older record', () => {
    expect(read({ records: ['only'] })).toEqual(['only']);
    expect(read({ records: ['only'], firstId: 7n })).toEqual(['only']);
  });

  it('gives so many records, and so much of each', () => {
    expect(read({ records: numbered(10) }, 3)).toEqual(newestFirst(10, 3));
    expect(read({ records: ['a long record'] }, 3, 6)).toEqual(['a long']);
  });

  it('gives no more than a block has room for, whatever its length says', () => {
    const [text] = read({
      records: ['short'],
      editMemory: (memory) =>
        memory.write(AT + 16n + 0x80n + 16n * 24n + 16n, Uint8Array.of(0xff, 0xff)),
    });
    expect(text).toMatch(/^short\0*$/);
    expect(text!.length).toBeLessThanOrEqual(8);
  });

  it('reads across the pages of a large record', () => {
    const long = 'x'.repeat(900);
    const log = { records: [long, long], sizeBits: 14, countBits: 6 };
    expect(read(log, 2, 1000)).toEqual([long, long]);
  });

  it.each([
    ['SYMBOL(prb)', 'want SYMBOL(prb)'],
    ['SIZE(printk_info)', 'SIZE(printk_info)'],
    ['SIZE(prb_desc)', 'SIZE(prb_desc)'],
    ['OFFSET(prb_desc_ring.head_id)', 'prb_desc_ring.head_id'],
    ['OFFSET(printk_info.text_len)', 'printk_info.text_len'],
  ])('throws Corrupt without %s', (key, message) => {
    const editKeys = (keys: string): string =>
      keys
        .split('\n')
        .filter((line) => !line.startsWith(`${key}=`))
        .join('\n');
    const error = thrownBy(() => read({ records: ['x'], editKeys }));
    expect(error.tag).toBe('Corrupt');
    expect(error.message).toContain(message);
  });

  it.each([
    ['count_bits', 16n, 23],
    ['count_bits', 16n, 0],
    ['size_bits', 16n + 40n, 31],
  ])('throws Corrupt when %s, at %i, is %i', (field, offset, value) => {
    const editMemory = (memory: SparseMemory): unknown =>
      memory.write(AT + offset, Uint8Array.of(value));
    const error = thrownBy(() =>
      read({ records: ['x'], editMemory: (memory) => void editMemory(memory) }),
    );
    expect(error.message).toContain(`printk_ringbuffer: ${field}: got ${value}`);
  });

  it('throws Corrupt when a size is too large to be one', () => {
    const editKeys = (keys: string): string =>
      keys.replace(/SIZE\(printk_info\)=.*/, 'SIZE(printk_info)=5000');
    expect(thrownBy(() => read({ records: ['x'], editKeys })).message).toContain('got 5000');
  });

  it('throws PageMissing when a page of it is not in the dump', () => {
    const editMemory = (memory: SparseMemory): void => void memory.drop(AT);
    expect(thrownBy(() => read({ records: ['x'], editMemory })).reason).toBe('page_excluded');
    const gone = thrownBy(() =>
      read({ records: ['x'], editMemory: (m) => void m.write(AT, new Uint8Array(8)) }),
    );
    expect(gone.reason).toBe('page_excluded');
  });
});
