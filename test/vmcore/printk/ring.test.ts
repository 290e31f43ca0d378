import { describe, expect, it } from 'vitest';

import { type KernelLog, type LogLimits, readLog } from '../../../src/vmcore/printk/log.ts';
import { BE64, BYTE_ORDERS, LE32, LE64, orderName } from '../../support/builders/bytes.ts';
import {
  type LogKernel,
  type PlacedLog,
  logKernel,
  withoutKey,
} from '../../support/builders/log-kernel.ts';
import { type LogRecipe, printkRing } from '../../support/builders/printk-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const AT = 0x100000n;
/** Of a ring on a page of its own, apart from the pointer to it. */
const RING = 0x900000n;

interface Log extends Partial<LogRecipe>, Pick<PlacedLog, 'editKeys' | 'editMemory'> {}

function kernelWith({ editKeys, editMemory, ...recipe }: Log): LogKernel {
  const { order = LE64, at = AT, ring } = recipe;
  const built = printkRing({ order, at, records: [], ...recipe });
  const pieces = [{ at, bytes: built.bytes }];
  if (ring !== undefined) pieces.push({ at: ring, bytes: built.ring });
  return logKernel({ order, pieces, keys: built.keys, editKeys, editMemory });
}

const read = (log: Log, limits?: LogLimits): KernelLog => readLog(kernelWith(log), limits);
const textsOf = (log: Log, limits?: LogLimits): string[] =>
  read(log, limits).records.map(({ text }) => text);

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `record ${i}`);

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'the ring of a %s kernel',
  (_, order) => {
    it.each([88, 112])('has every record, oldest first, by infos of %i bytes', (infoSize) => {
      const log = read({ order, infoSize, records: numbered(5) });
      expect(log.records.map(({ text }) => text)).toEqual(numbered(5));
      expect(log).toMatchObject({ source: 'ring', firstSeq: 0, lost: 0, truncated: false });
      expect(log.unreadable).toBe(0);
    });

    it.each([88, 112])('says all of a record by infos of %i bytes', (infoSize) => {
      const stored = {
        text: 'AER: Corrected error',
        nanoseconds: 32_514_997_000n,
        facility: 0,
        level: 4,
        flags: 2,
        caller: 55,
        device: '+pci:0000:01:00.0',
      };
      const other = { ...stored, facility: 3, level: 7, flags: 31, caller: 0x8000000c, device: '' };
      expect(read({ order, infoSize, records: [stored, other] }).records).toEqual([
        {
          timeSeconds: 32.514997,
          facility: 0,
          level: 4,
          caller: 'T55',
          device: '+pci:0000:01:00.0',
          text: 'AER: Corrected error',
        },
        {
          timeSeconds: 32.514997,
          facility: 3,
          level: 7,
          caller: 'C12',
          device: null,
          text: 'AER: Corrected error',
        },
      ]);
    });

    it('wraps around the ring of records and the ring of texts', () => {
      // 40 records of some 24 bytes through 8 slots and 256 bytes of text.
      const log = read({ order, records: numbered(40), countBits: 3, sizeBits: 8 });
      expect(log.records.map(({ text }) => text)).toEqual(numbered(40).slice(-8));
      expect(log).toMatchObject({ firstSeq: 32, lost: 0, unreadable: 0 });
    });

    it('has no record whose text was overwritten', () => {
      const log = read({ order, records: numbered(40), countBits: 6, sizeBits: 8 });
      const kept = log.records.length;
      expect(kept).toBeGreaterThan(5);
      expect(kept).toBeLessThanOrEqual(16);
      expect(log.records.map(({ text }) => text)).toEqual(numbered(40).slice(-kept));
      expect(log).toMatchObject({ firstSeq: 40 - kept, lost: 0, unreadable: 0 });
    });

    it('follows ids and positions over the end of their range', () => {
      const firstId = (1n << BigInt(order.wordBits - 2)) - 3n;
      const firstPosition = (1n << BigInt(order.wordBits)) - 64n;
      const log = { order, firstId, firstPosition, records: numbered(6) };
      expect(textsOf(log)).toEqual(numbered(6));
    });

    it('goes on behind heads that were never committed', () => {
      const records = [...numbered(3), { reserved: 'half' }];
      for (const headAhead of [0, 1, 3]) {
        expect(textsOf({ order, records, headAhead })).toEqual(numbered(3));
      }
    });
  },
);

describe('the ring', () => {
  it.each([LE64, BE64, LE32])('is found where it was made larger at boot, %o', (order) => {
    expect(textsOf({ order, ring: RING, records: numbered(3) })).toEqual(numbered(3));
  });

  it('has empty lines as records, and those that were never finished not at all', () => {
    const records = ['one', null, { reserved: 'half' }, 'two', ''];
    expect(textsOf({ records })).toEqual(['one', '', 'two', '']);
  });

  it('counts what the kernel had no room for', () => {
    const records = ['one', { text: { lost: true } } as const, 'two'];
    expect(read({ records, fail: 7 })).toMatchObject({ lost: 8, unreadable: 0 });
    expect(textsOf({ records, fail: 7 })).toEqual(['one', 'two']);
  });

  it('ends at its tail', () => {
    expect(textsOf({ records: ['only'] })).toEqual(['only']);
    expect(textsOf({ records: ['only'], firstId: 7n })).toEqual(['only']);
  });

  it('is read whole where its tail makes no sense', () => {
    expect(textsOf({ records: numbered(5), tailId: 1n << 40n })).toEqual(numbered(5));
  });

  it('gives no more of a text than its block has room for, whatever its length says', () => {
    const { offsets } = printkRing({ order: LE64, at: AT, records: [] });
    const [text] = textsOf({
      records: ['short'],
      editMemory: (memory) =>
        memory.write(AT + 16n + BigInt(offsets.infos) + 16n, Uint8Array.of(0xff, 0xff)),
    });
    expect(text).toMatch(/^short\s*$/);
    expect(text!.length).toBeLessThanOrEqual(8);
  });

  it('gives no text that belongs to another record', () => {
    const { offsets } = printkRing({ order: LE64, at: AT, records: [] });
    const log = read({
      records: ['theirs', 'ours'],
      editMemory: (memory) =>
        memory.write(AT + 16n + BigInt(offsets.text), Uint8Array.of(0xee, 0xff)),
    });
    expect(log).toMatchObject({ records: [{ text: 'ours' }], unreadable: 1 });
  });

  it('reads across the pages of a large record', () => {
    const long = 'x'.repeat(900);
    const records = Array.from({ length: 20 }, () => long);
    expect(textsOf({ records, sizeBits: 15, countBits: 6 })).toEqual(records);
  });

  it('cuts a text at what the kernel stores at the most', () => {
    expect(textsOf({ records: ['x'.repeat(3000)], sizeBits: 14 })).toEqual(['x'.repeat(1024)]);
  });

  it('strips what a terminal or a page would act on, and no line', () => {
    const hostile = '\x1b[31mred\x07\u200e\u202e\x9b two\tthree\r\n  four\x00';
    expect(textsOf({ records: [hostile] })).toEqual([' [31mred  two three \n  four ']);
    const broken = Uint8Array.of(0x61, 0xff, 0xc3, 0x62);
    expect(textsOf({ records: [{ text: broken }] })).toEqual(['a\ufffd\ufffdb']);
    const device = '+pci:\x1b[2J\n';
    expect(read({ records: [{ text: 'x', device }] }).records[0]!.device).toBe('+pci: [2J ');
  });

  it.each(['seq', 'ts_nsec', 'caller_id', 'dev_info'])(
    'does without printk_info.%s where VMCOREINFO does not tell of it',
    (member) => {
      const stored = { text: 'x', nanoseconds: 1n, caller: 2, device: 'n2' };
      const log = read({
        records: [stored],
        editKeys: withoutKey(`OFFSET(printk_info.${member})`),
      });
      const nothing = {
        seq: { firstSeq: null },
        ts_nsec: { records: [{ timeSeconds: null }] },
        caller_id: { records: [{ caller: null }] },
        dev_info: { records: [{ device: null }] },
      }[member]!;
      expect(log).toMatchObject({ records: [{ text: 'x' }] });
      expect(log).toMatchObject(nothing);
    },
  );

  it.each([
    ['SIZE(printk_info)', 'SIZE(printk_info)'],
    ['SIZE(prb_desc)', 'SIZE(prb_desc)'],
    ['OFFSET(prb_desc_ring.head_id)', 'prb_desc_ring.head_id'],
    ['OFFSET(prb_desc_ring.tail_id)', 'prb_desc_ring.tail_id'],
    ['OFFSET(printk_info.text_len)', 'printk_info.text_len'],
  ])('is Corrupt without %s', (key, message) => {
    const error = thrownBy(() => read({ records: ['x'], editKeys: withoutKey(key) }));
    expect(error.tag).toBe('Corrupt');
    expect(error.message).toContain(message);
  });

  it.each([
    ['count_bits', 16n, 23],
    ['count_bits', 16n, 0],
    ['size_bits', 16n + 40n, 31],
  ])('is Corrupt when %s, at %i, is %i', (field, offset, value) => {
    const error = thrownBy(() =>
      read({
        records: ['x'],
        editMemory: (memory) => memory.write(AT + offset, Uint8Array.of(value)),
      }),
    );
    expect(error.message).toContain(`printk_ringbuffer: ${field}: got ${value}`);
  });

  it('is Corrupt when a size is too large to be one', () => {
    const editKeys = (keys: string): string =>
      keys.replace(/SIZE\(printk_info\)=.*/, 'SIZE(printk_info)=5000');
    expect(thrownBy(() => read({ records: ['x'], editKeys })).message).toContain('got 5000');
  });

  it.each([
    ['prb_desc.state_var', 24],
    ['prb_desc.text_blk_lpos', 16],
    ['printk_info.seq', 81],
    ['printk_info.ts_nsec', 88],
    ['printk_info.text_len', 85],
    ['printk_info.caller_id', 86],
    ['printk_info.dev_info', 80],
  ])('throws Corrupt when VMCOREINFO has %s at %i, beyond its struct', (member, at) => {
    const editKeys = (keys: string): string =>
      keys.replace(new RegExp(`(OFFSET\\(${member}\\))=\\d+`), `$1=${at}`);
    const error = thrownBy(() => read({ records: ['x'], infoSize: 88, editKeys }));
    expect(error).toMatchObject({ tag: 'Corrupt' });
    expect(error.message).toContain('bytes of a struct');
  });

  it('is PageMissing when what describes it is not in the dump', () => {
    expect(
      thrownBy(() => read({ records: ['x'], editMemory: (memory) => memory.drop(AT) })).reason,
    ).toBe('page_excluded');
    const astray = (): KernelLog =>
      read({ records: ['x'], editMemory: (memory) => memory.write(AT, new Uint8Array(8)) });
    expect(thrownBy(astray).reason).toBe('page_excluded');
  });
});

describe('a ring with pages missing', () => {
  const RECORDS = 400;
  const recipe = { records: numbered(RECORDS), ring: RING, countBits: 9, sizeBits: 15 } as const;
  const { offsets } = printkRing({ order: LE64, at: AT, ...recipe });

  it.each(['descs', 'infos', 'text'] as const)(
    'loses the records on a page of %s and no others',
    (which) => {
      const page = (RING + BigInt(offsets[which]) + 4096n) & ~4095n;
      const log = read({ ...recipe, editMemory: (memory) => memory.drop(page, 'page_lost') });
      const kept = log.records.map(({ text }) => text);
      expect(log.unreadable).toBeGreaterThan(20);
      expect(kept.length + log.unreadable).toBe(RECORDS);
      expect(kept).toEqual(numbered(RECORDS).filter((text) => kept.includes(text)));
      expect(kept).toContain('record 0');
      expect(kept).toContain('record 399');
    },
  );
});

describe('a ring with pages overwritten', () => {
  const RECORDS = 400;
  const recipe = { records: numbered(RECORDS), ring: RING, countBits: 9, sizeBits: 15 } as const;
  const { offsets } = printkRing({ order: LE64, at: AT, ...recipe });

  it.each(['descs', 'infos', 'text'] as const)('says that records on a page of %s are', (which) => {
    const page = (RING + BigInt(offsets[which]) + 4096n) & ~4095n;
    const log = read({
      ...recipe,
      editMemory: (memory) => memory.write(page, new Uint8Array(4096)),
    });
    expect(log.unreadable).toBeGreaterThan(20);
    expect(log.records.length + log.unreadable).toBe(RECORDS);
    // An info may begin before the page, and its length be on it.
    const others = log.records.filter(({ text }) => !text.startsWith('record '));
    expect(others.length).toBeLessThanOrEqual(1);
    expect(others.every(({ text }) => text === '')).toBe(true);
  });
});

describe('the limits of a ring', () => {
  it('are records, of which the newest are read', () => {
    const log = read({ records: numbered(10) }, { records: 3, bytes: 1 << 20 });
    expect(log.records.map(({ text }) => text)).toEqual(numbered(10).slice(-3));
    expect(log).toMatchObject({ truncated: true, firstSeq: 7 });
    expect(read({ records: numbered(3) }, { records: 3, bytes: 1 << 20 }).truncated).toBe(false);
  });

  it('are bytes of memory, and what was not read is not missing', () => {
    const recipe = { records: numbered(400), countBits: 9, sizeBits: 15 };
    const kernel = kernelWith(recipe);
    const log = readLog(kernel, { records: 1000, bytes: 8 * 4096 });
    const kept = log.records.length;
    expect(kept).toBeGreaterThan(20);
    expect(log.records.map(({ text }) => text)).toEqual(numbered(400).slice(-kept));
    expect(log).toMatchObject({ truncated: true, unreadable: 0 });
    expect(kernel.touched.size).toBeLessThanOrEqual(8 + 1);
  });

  it('are not met by 2,000 records, which take at most 130 pages of 4 KiB', () => {
    const line = (i: number): string => `${'x'.repeat(44)} ${i}`; // 64 bytes with its id
    const records = Array.from({ length: 2048 }, (_, i) => line(i));
    const kernel = kernelWith({ records, countBits: 12, sizeBits: 17, infoSize: 112, ring: RING });
    const log = readLog(kernel);
    expect(log.records.length).toBeGreaterThanOrEqual(2000);
    expect(log.truncated).toBe(false);
    expect(kernel.touched.size).toBeLessThanOrEqual(130);
  });
});
