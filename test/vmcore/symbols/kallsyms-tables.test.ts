import { describe, expect, it } from 'vitest';

import { LimitExceeded } from '../../../src/vmcore/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { VirtualMemory } from '../../../src/vmcore/memory/virtual-memory.ts';
import { kallsymsTables, whyTablesUnwritten } from '../../../src/vmcore/symbols/kallsyms-tables.ts';
import { ByteWriter, LE64 } from '../../support/builders/bytes.ts';
import {
  type KallsymsMemory,
  STEXT,
  functions,
  kallsymsMemory,
  without,
} from '../../support/builders/kallsyms-memory.ts';
import { SparseMemory } from '../../support/builders/sparse-memory.ts';
import { thrownBy } from '../../support/system/thrown.ts';

function tablesOf({ info, memory }: KallsymsMemory) {
  return kallsymsTables(info, memory, DEFAULT_LIMITS);
}

describe('kallsymsTables', () => {
  it('gives the tables and their 256 tokens', () => {
    const built = kallsymsMemory();
    const tables = tablesOf(built);
    expect(tables).toMatchObject({
      count: 1001,
      names: built.labels['kallsyms_names'],
      offsets: built.labels['kallsyms_offsets'],
      addresses: undefined,
      relativeBaseAt: undefined,
      relativeBase: undefined,
    });
    expect(tables.tokens).toHaveLength(256);
    expect(tables.tokens[0x5f]).toEqual(Uint8Array.of(0x5f));
  });

  it('reads the value of kallsyms_relative_base until v6.19', () => {
    const tables = tablesOf(kallsymsMemory({ addressing: 'base' }));
    expect(tables.relativeBase).toBe(STEXT);
  });

  it('takes kallsyms_addresses where there are no offsets', () => {
    const built = kallsymsMemory({ addressing: 'addresses' });
    expect(tablesOf(built)).toMatchObject({
      offsets: undefined,
      addresses: built.labels['kallsyms_addresses'],
    });
  });

  it.each([
    'SYMBOL(kallsyms_names)',
    'SYMBOL(kallsyms_num_syms)',
    'SYMBOL(kallsyms_token_table)',
    'SYMBOL(kallsyms_token_index)',
    'SYMBOL(kallsyms_offsets)',
  ])('throws Corrupt (no_kallsyms) when VMCOREINFO lacks %s, as before v6.0', (key) => {
    const built = kallsymsMemory();
    const error = thrownBy(() => tablesOf({ ...built, info: without(built.info, key) }));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'no_kallsyms', at: 'vmcoreinfo' });
    expect(error.message).toContain(key);
  });

  it('throws Corrupt (no_kallsyms) when there are 0 symbols', () => {
    const built = kallsymsMemory();
    built.pages.write(built.labels['kallsyms_num_syms']!, new Uint8Array(4));
    expect(thrownBy(() => tablesOf(built))).toMatchObject({ reason: 'no_kallsyms' });
  });

  it('throws LimitExceeded when there are more symbols than the limit', () => {
    const { info, memory } = kallsymsMemory({ symbols: functions(9) });
    const tables = (kallsymsSymbols: number) =>
      kallsymsTables(info, memory, { ...DEFAULT_LIMITS, kallsymsSymbols });
    expect(tables(10).count).toBe(10);
    expect(() => tables(9)).toThrow(LimitExceeded);
  });

  it('throws Corrupt (no_kallsyms) when a token lies outside its table', () => {
    const built = kallsymsMemory();
    const outside = new ByteWriter().u16(60_000).toBytes();
    built.pages.write(built.labels['kallsyms_token_index']! + 2n * 7n, outside);
    const error = thrownBy(() => tablesOf(built));
    expect(error).toMatchObject({ reason: 'no_kallsyms', at: 'kallsyms_token_index[7]' });
  });

  it('throws Corrupt (no_kallsyms) when a token has no end', () => {
    const built = kallsymsMemory();
    const table = built.labels['kallsyms_token_table']!;
    const length = Number(built.labels['kallsyms_token_index']! - table);
    built.pages.write(table, new Uint8Array(length).fill(0x61));
    expect(thrownBy(() => tablesOf(built))).toMatchObject({ reason: 'no_kallsyms' });
  });

  it('throws PageMissing when a table is not in the dump', () => {
    const built = kallsymsMemory();
    built.pages.drop(built.labels['kallsyms_num_syms']!, 'page_lost');
    expect(thrownBy(() => tablesOf(built))).toMatchObject({
      tag: 'PageMissing',
      reason: 'page_lost',
    });
  });
});

describe('whyTablesUnwritten', () => {
  it.each([
    ['at the end of the address space', 'kallsyms_names', 0xffffffffffffff00n],
    ['whose end wraps around', 'kallsyms_token_index', 0xffffffffffffff00n],
    ['16 MiB before that end', 'kallsyms_names', 0xffffffffff000000n],
  ])('looks at few pages of a table %s', (_name, table, address) => {
    const info = new Vmcoreinfo(
      `SYMBOL(${table})=${address.toString(16)}\nSYMBOL(kallsyms_offsets)=fffffffffffffffe\n`,
    );
    let pages = 0;
    const unmapped = (): undefined => {
      if (++pages > 4096) throw new Error('looks at more than 16 MiB');
    };
    const memory = new VirtualMemory(new SparseMemory(), unmapped, LE64);
    expect(whyTablesUnwritten(info, memory, DEFAULT_LIMITS)).toBeUndefined();
  });
});
