import { describe, expect, it } from 'vitest';

import { virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { Kallsyms } from '../../../src/vmcore/symbols/kallsyms.ts';
import { BE32, BE64, ByteWriter, LE32, LE64, orderName } from '../../support/builders/bytes.ts';
import type { KallsymsRecipe, SymbolRecipe } from '../../support/builders/kallsyms-builder.ts';
import {
  type KallsymsMemory,
  STEXT,
  functions,
  kallsymsMemory,
  without,
} from '../../support/builders/kallsyms-memory.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const DATA = STEXT + 0x100000n;
const ARRAY: SymbolRecipe = { name: 'hwerr_data', address: DATA, type: 'D' };
const NEXT: SymbolRecipe = { name: 'next_data', address: DATA + 80n };
const SYMBOLS = [ARRAY, NEXT, ...functions(1500)];
const SUFFIXES = ['.llvm.', '.lto_priv.'];

function kallsymsOf({ info, memory }: KallsymsMemory): Kallsyms {
  return Kallsyms.open(info, memory, DEFAULT_LIMITS);
}

const opened = (recipe: Partial<KallsymsRecipe> = {}): Kallsyms =>
  kallsymsOf(kallsymsMemory({ symbols: SYMBOLS, ...recipe }));

/** With the order by name overwritten. */
function damaged(change: (built: KallsymsMemory, seqs: bigint, count: number) => void): Kallsyms {
  const built = kallsymsMemory({ symbols: SYMBOLS });
  change(built, built.labels['kallsyms_seqs_of_names']!, built.symbols.length);
  return kallsymsOf(built);
}

describe('find of Kallsyms', () => {
  it.each<[string, Partial<KallsymsRecipe>]>([
    ['v7.0', { addressing: 'place' }],
    ['v6.15 to v6.19', { addressing: 'base' }],
    ['v6.4 to v6.14', { addressing: 'percpu' }],
    ['v6.4 with whole addresses, without an order by name', { addressing: 'addresses' }],
    ['v6.2 to v6.3', { addressing: 'base', layout: 'v6.2' }],
    ['v6.1', { addressing: 'base', layout: 'v6.0' }],
    ['v6.0', { addressing: 'percpu', layout: 'v6.0', bigLengths: false }],
  ])('finds a symbol and its size in tables of %s', (_, recipe) => {
    const symbol = opened(recipe).find('hwerr_data');
    expect(symbol).toEqual({ name: 'hwerr_data', address: DATA, size: 80n });
  });

  it.each([LE64, BE64, LE32, BE32].map((order) => [orderName(order), order] as const))(
    'finds every symbol of a %s kernel, and none that is not there',
    (_, order) => {
      const symbols = functions(800, order.wordBits);
      const kallsyms = opened({ order, symbols });
      for (const { name, address } of symbols) {
        expect(kallsyms.find(name)).toMatchObject({ name, address });
      }
      for (const name of ['aaa', 'acpi_do', 'tcp_do_99999', 'zzz', '']) {
        expect(kallsyms.find(name)).toBeUndefined();
      }
    },
  );

  it.each([1, 2, 3, 17, 255, 256, 257])('finds every symbol of %i', (count) => {
    const symbols = functions(count - 1);
    const kallsyms = opened({ symbols });
    for (const { name } of symbols) expect(kallsyms.find(name)?.name).toBe(name);
    expect(kallsyms.find('_stext')?.address).toBe(STEXT);
  });

  it('reads few pages of a large table', () => {
    const built = kallsymsMemory({ symbols: [ARRAY, NEXT, ...functions(30_000)], merges: 4 });
    const kallsyms = kallsymsOf(built);
    built.pages.touched.clear();
    expect(kallsyms.find('hwerr_data')?.address).toBe(DATA);
    expect(built.pages.touched.size).toBeLessThan(40);
  });

  it('has no size for the last symbol', () => {
    expect(opened({ symbols: [ARRAY] }).find('hwerr_data')?.size).toBeUndefined();
  });

  it('measures size to the next address when symbols share one', () => {
    const alias = { name: 'hwerr_alias', address: DATA };
    for (const symbols of [
      [ARRAY, alias, NEXT],
      [alias, ARRAY, NEXT],
    ]) {
      expect(opened({ symbols }).find('hwerr_data')?.size).toBe(80n);
    }
  });
});

describe('find of Kallsyms with suffixes', () => {
  const named = (...names: readonly string[]) =>
    opened({ symbols: [...names.map((name) => ({ name, address: DATA })), ...functions(600)] });

  it.each(['hwerr_data.llvm.123456', 'hwerr_data.lto_priv.0'])('finds %s', (name) => {
    expect(named(name).find('hwerr_data', SUFFIXES)).toMatchObject({ name, address: DATA });
  });

  it('prefers the name without a suffix', () => {
    const kallsyms = named('hwerr_data.llvm.123', 'hwerr_data');
    expect(kallsyms.find('hwerr_data', SUFFIXES)?.name).toBe('hwerr_data');
  });

  it('passes over names that only begin so', () => {
    const others = ['hwerr_data.cold', 'hwerr_data2', 'hwerr_database', 'hwerr_data_lock'];
    expect(named(...others).find('hwerr_data', SUFFIXES)).toBeUndefined();
    expect(named(...others, 'hwerr_data.llvm.7').find('hwerr_data', SUFFIXES)?.name).toBe(
      'hwerr_data.llvm.7',
    );
  });

  it('finds no suffix that was not asked for', () => {
    expect(named('hwerr_data.llvm.123').find('hwerr_data')).toBeUndefined();
  });

  it('finds a suffixed name by walking all names, too', () => {
    const symbols = [{ name: 'hwerr_data.llvm.9', address: DATA }, NEXT, ...functions(600)];
    const kallsyms = opened({ symbols, addressing: 'addresses' });
    expect(kallsyms.find('hwerr_data', SUFFIXES)?.name).toBe('hwerr_data.llvm.9');
    const both = opened({ symbols: [...symbols, ARRAY], addressing: 'addresses' });
    expect(both.find('hwerr_data', SUFFIXES)?.name).toBe('hwerr_data');
  });
});

describe('find of Kallsyms walks all names', () => {
  const seqsBytes = (numbers: readonly number[]): Uint8Array =>
    numbers
      .reduce(
        (out, i) =>
          out
            .u8(i >> 16)
            .u8((i >> 8) & 0xff)
            .u8(i & 0xff),
        new ByteWriter(),
      )
      .toBytes();
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

  it.each<[string, (built: KallsymsMemory, seqs: bigint, count: number) => void]>([
    ['is zeros', ({ pages }, seqs, count) => pages.write(seqs, new Uint8Array(3 * count))],
    [
      'is all ones',
      ({ pages }, seqs, count) => pages.write(seqs, new Uint8Array(3 * count).fill(0xff)),
    ],
    [
      'is in the order of addresses',
      ({ pages }, seqs, count) => pages.write(seqs, seqsBytes(upTo(count))),
    ],
    [
      'names one symbol only',
      ({ pages }, seqs, count) => pages.write(seqs, seqsBytes(upTo(count).fill(5))),
    ],
    [
      'is reversed',
      ({ pages, memory }, seqs, count) => {
        const c = memory.cursor(virtAddr(seqs), 3 * count, 'seqs');
        const numbers = upTo(count).map(() => (c.u8() << 16) | (c.u8() << 8) | c.u8());
        pages.write(seqs, seqsBytes(numbers.reverse()));
      },
    ],
    ['is not in the dump', ({ pages }, seqs) => pages.drop(seqs + 4000n)],
  ])('when the order by name %s', (_, change) => {
    const kallsyms = damaged(change);
    expect(kallsyms.find('hwerr_data')).toEqual({ name: 'hwerr_data', address: DATA, size: 80n });
    expect(kallsyms.find('nowhere')).toBeUndefined();
  });

  it('when one entry of the order by name is damaged, be it that of the symbol', () => {
    const { labels, symbols, memory } = kallsymsMemory({ symbols: SYMBOLS });
    const seqs = memory.cursor(
      virtAddr(labels['kallsyms_seqs_of_names']!),
      3 * symbols.length,
      'x',
    );
    const order = symbols.map(() => (seqs.u8() << 16) | (seqs.u8() << 8) | seqs.u8());
    const place = order.findIndex((i) => symbols[i]?.name === 'hwerr_data');
    for (const i of [0, 700, symbols.length - 1, 0xffffff]) {
      for (const damagedPlace of [place - 1, place, place + 1]) {
        const kallsyms = damaged(({ pages }, start) => {
          pages.write(start + BigInt(3 * damagedPlace), seqsBytes([i]));
        });
        expect(kallsyms.find('hwerr_data')?.address).toBe(DATA);
      }
    }
  });
});

describe('Kallsyms throws', () => {
  it('Corrupt (no_kallsyms) when VMCOREINFO lacks SYMBOL(_stext)', () => {
    const built = kallsymsMemory();
    const error = thrownBy(() =>
      kallsymsOf({ ...built, info: without(built.info, 'SYMBOL(_stext)') }),
    );
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'no_kallsyms' });
  });

  it('Corrupt (no_kallsyms) when a walk does not meet a damaged marker', () => {
    const built = kallsymsMemory({ symbols: SYMBOLS });
    for (const i of [2n, 3n, 4n, 5n]) {
      const marker = built.labels['kallsyms_markers']! + 4n * i;
      built.pages.write(marker, new ByteWriter().u32(7 + Number(i)).toBytes());
    }
    const error = thrownBy(() => kallsymsOf(built).find('hwerr_data'));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'no_kallsyms' });
  });

  it('PageMissing when a page that even a walk needs is not in the dump', () => {
    const built = kallsymsMemory({ symbols: functions(3000) });
    const kallsyms = kallsymsOf(built);
    built.pages.drop(built.labels['kallsyms_names']! + 8192n, 'page_excluded');
    expect(thrownBy(() => kallsyms.find('zzz_last'))).toMatchObject({ reason: 'page_excluded' });
  });
});
