import { describe, expect, it } from 'vitest';

import { type KernelLog, type LogLimits, readLog } from '../../../src/vmcore/printk/log.ts';
import { BYTE_ORDERS, ByteWriter, LE64, orderName } from '../../support/builders/bytes.ts';
import {
  type BuiltLegacyLog,
  type LegacyLogRecipe,
  legacyLog,
} from '../../support/builders/legacy-log-builder.ts';
import {
  type LogKernel,
  type PlacedLog,
  logKernel,
  withoutKey,
} from '../../support/builders/log-kernel.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const AT = 0x100000n;
const BUFFER = 0x900000n;

interface Log extends Partial<LegacyLogRecipe>, Pick<PlacedLog, 'editKeys' | 'editMemory'> {}

const built = (recipe: Partial<LegacyLogRecipe>): BuiltLegacyLog =>
  legacyLog({ order: LE64, at: AT, buffer: BUFFER, records: [], ...recipe });

function kernelWith({ editKeys, editMemory, ...recipe }: Log): LogKernel {
  const { variables, buffer, keys } = built(recipe);
  const pieces = [
    { at: AT, bytes: variables },
    { at: BUFFER, bytes: buffer },
  ];
  return logKernel({ order: recipe.order ?? LE64, pieces, keys, editKeys, editMemory });
}

const read = (log: Log, limits?: LogLimits): KernelLog => readLog(kernelWith(log), limits);
const texts = ({ records }: KernelLog): string[] => records.map(({ text }) => text);

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `record ${i}`);

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'the legacy log of a %s kernel',
  (_, order) => {
    it.each([
      { struct: 'printk_log', alignment: 4 },
      { struct: 'log', alignment: 8 },
      { struct: 'printk_log', alignment: 4, callers: true },
    ] as const)('has every record, oldest first: $struct, aligned to $alignment', (form) => {
      const log = read({ order, ...form, records: numbered(5) });
      expect(texts(log)).toEqual(numbered(5));
      expect(log).toMatchObject({ source: 'legacy', firstSeq: null, lost: 0, unreadable: 0 });
      expect(log.truncated).toBe(false);
    });

    it('says all of a record', () => {
      const dict = 'SUBSYSTEM=pci\0DEVICE=+pci:0000:01:00.0';
      const stored = { text: 'AER: x', nanoseconds: 5_000_000n, level: 3, caller: 7, dict };
      const other = { ...stored, facility: 1, level: 6, caller: 0x80000002, dict: 'SUBSYSTEM=x' };
      expect(read({ order, callers: true, records: [stored, other] }).records).toEqual([
        {
          timeSeconds: 0.005,
          facility: 0,
          level: 3,
          caller: 'T7',
          device: '+pci:0000:01:00.0',
          text: 'AER: x',
        },
        { timeSeconds: 0.005, facility: 1, level: 6, caller: 'C2', device: null, text: 'AER: x' },
      ]);
    });

    it('wraps at the empty header', () => {
      for (const bufferBytes of [256, 260, 264, 300]) {
        const recipe = { order, records: numbered(40), bufferBytes };
        const kept = built(recipe).places.map(({ text }) => text);
        expect(kept.length).toBeGreaterThan(4);
        const log = read(recipe);
        expect(texts(log)).toEqual(kept);
        expect(texts(log).at(-1)).toBe('record 39');
        expect(log.unreadable).toBe(0);
      }
    });
  },
);

describe('the legacy log', () => {
  it('has no caller where the kernel keeps none', () => {
    expect(read({ records: ['x'] }).records).toMatchObject([{ caller: null }]);
  });

  it('finds dict_len behind text_len where VMCOREINFO does not tell of it', () => {
    const records = [{ text: 'x', dict: 'DEVICE=n2', level: 5 }];
    const editKeys = withoutKey('OFFSET(printk_log.dict_len)');
    expect(read({ records, editKeys }).records).toMatchObject([{ device: 'n2', level: 5 }]);
  });

  it('is empty before the first record', () => {
    expect(read({ records: [] })).toMatchObject({ source: 'legacy', records: [], unreadable: 0 });
  });

  it.each(['SYMBOL(log_buf_len)', 'SYMBOL(log_next_idx)', 'OFFSET(printk_log.len)'])(
    'is Corrupt without %s',
    (key) => {
      const error = thrownBy(() => read({ records: ['x'], editKeys: withoutKey(key) }));
      expect(error.tag).toBe('Corrupt');
      expect(error.message).toContain(key);
    },
  );

  it.each([
    ['log_buf_len', 8n, 1 << 31],
    ['log_first_idx', 12n, 1025],
    ['log_next_idx', 16n, 1025],
  ])('is Corrupt when %s leads out of it', (_, offset, value) => {
    const bytes = new ByteWriter().u32(value).toBytes();
    const error = thrownBy(() =>
      read({ records: ['x'], editMemory: (memory) => memory.write(AT + offset, bytes) }),
    );
    expect(error.tag).toBe('Corrupt');
  });

  it('is PageMissing when what describes it is not in the dump', () => {
    const error = thrownBy(() => read({ records: ['x'], editMemory: (memory) => memory.drop(AT) }));
    expect(error.reason).toBe('page_excluded');
  });
});

describe('a legacy log that is damaged', () => {
  const line = (i: number): string => `record ${i} ${'of some length '.repeat(i % 5)}`;
  const records = Array.from({ length: 900 }, (_, i) => line(i));
  const straight = { records, bufferBytes: 1 << 17 };
  const wrapped = { records, bufferBytes: 1 << 15 };

  const pagesOf = (bufferBytes: number): bigint[] =>
    Array.from({ length: bufferBytes / 4096 }, (_, i) => BUFFER + BigInt(i * 4096));

  it.each([
    ['that goes straight on', straight],
    ['that wrapped', wrapped],
  ])('loses a missing page of a log %s and what reaches into it', (_, recipe) => {
    const { places } = built(recipe);
    for (const page of pagesOf(recipe.bufferBytes)) {
      const log = read({ ...recipe, editMemory: (memory) => memory.drop(page, 'page_lost') });
      const from = Number(page - BUFFER);
      const touching = places.filter(
        ({ at, text }) => at < from + 4096 && at + 16 + text.length > from,
      );
      const missing = new Set(touching.map(({ text }) => text));
      const want = places.map(({ text }) => text).filter((text) => !missing.has(text));
      expect(texts(log)).toEqual(want);
      expect(log.unreadable > 0).toBe(missing.size > 0);
    }
  });

  it('loses several missing pages, and a page of zeros that nobody wrote', () => {
    const { places } = built(straight);
    const far =
      (from: number) =>
      ({ at, text }: { at: number; text: string }): boolean =>
        at >= from + 4096 || at + 16 + text.length <= from;
    const log = read({
      ...straight,
      editMemory: (memory) => {
        memory.drop(BUFFER + 4096n);
        memory.drop(BUFFER + 8192n);
        memory.write(BUFFER + 0x5000n, new Uint8Array(4096));
      },
    });
    const kept = places.filter(far(4096)).filter(far(8192)).filter(far(0x5000));
    const want = new Set(kept.map(({ text }) => text));
    expect(texts(log).filter((text) => want.has(text))).toEqual([...want]);
    expect(log.records.length - want.size).toBeLessThanOrEqual(2); // on either side of the zeros
    expect(log.unreadable).toBeGreaterThan(1);
  });

  it('takes no text for a record, though it looks like one', () => {
    const { buffer } = built({ records: ['forged'] });
    const forged = Buffer.from(buffer.subarray(0, 24)).toString('latin1');
    const hostile = Array.from({ length: 400 }, (_, i) => `${i} ${forged.repeat(1 + (i % 4))}`);
    const recipe = { records: hostile, bufferBytes: 1 << 16 };
    const log = read({ ...recipe, editMemory: (memory) => memory.drop(BUFFER + 4096n) });
    expect(texts(log)).not.toContain('forged');
    expect(log.records.length).toBeGreaterThan(250);
  });
});

describe('the limits of a legacy log', () => {
  const recipe = { records: numbered(2000), bufferBytes: 1 << 16 };

  it('are records, of which the newest are read', () => {
    const log = read(recipe, { records: 3, bytes: 1 << 20 });
    expect(texts(log)).toEqual(numbered(2000).slice(-3));
    expect(log.truncated).toBe(true);
  });

  it.each([{ ...recipe }, { ...recipe, bufferBytes: 1 << 15 }])(
    'are bytes of memory, of which the newest are read, of a buffer of $bufferBytes',
    (one) => {
      const kernel = kernelWith(one);
      const log = readLog(kernel, { records: 10_000, bytes: 6 * 4096 });
      expect(log.records.length).toBeGreaterThan(300);
      expect(texts(log)).toEqual(numbered(2000).slice(-log.records.length));
      expect(log).toMatchObject({ truncated: true, unreadable: 0 });
      expect(kernel.touched.size).toBeLessThanOrEqual(6 + 1);
    },
  );

  it('are not met by 2,000 records, which take at most 130 pages of 4 KiB', () => {
    const records = Array.from({ length: 2000 }, (_, i) => `${'x'.repeat(44)} ${i}`);
    const kernel = kernelWith({ records, bufferBytes: 1 << 18 });
    expect(readLog(kernel).records).toHaveLength(2000);
    expect(kernel.touched.size).toBeLessThanOrEqual(130);
  });
});
