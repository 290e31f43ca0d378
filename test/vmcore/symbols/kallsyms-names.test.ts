import { describe, expect, it } from 'vitest';

import { Cursor } from '../../../src/vmcore/bytes/cursor.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/vmcore/limits.ts';
import { KallsymsNames } from '../../../src/vmcore/symbols/kallsyms-names.ts';
import { kallsymsTables } from '../../../src/vmcore/symbols/kallsyms-tables.ts';
import {
  BE32,
  BE64,
  ByteWriter,
  LE32,
  LE64,
  latin1,
  orderName,
} from '../../support/builders/bytes.ts';
import {
  type KallsymsMemory,
  STEXT,
  functions,
  kallsymsMemory,
} from '../../support/builders/kallsyms-memory.ts';
import { thrownBy } from '../../support/system/thrown.ts';

function namesOf({ info, memory }: KallsymsMemory, limits: Limits = DEFAULT_LIMITS): KallsymsNames {
  return KallsymsNames.open(kallsymsTables(info, memory, limits));
}

function expectAllNames(built: KallsymsMemory): void {
  const names = namesOf(built);
  const wanted = built.symbols.map(({ name }) => name);
  expect([...names.all()].map(latin1)).toEqual(wanted);
  for (const i of [0, 1, 255, 256, 257, 511, 512, wanted.length - 1]) {
    if (i < wanted.length) expect(latin1(names.at(i))).toBe(wanted[i]);
  }
}

/** A function with a name of so many bytes, none of which compresses. */
function named(length: number) {
  const name = Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * i * 31) % 90))).join(
    '',
  );
  return { name, address: STEXT + 0x50n };
}

describe('KallsymsNames', () => {
  it.each([1, 2, 255, 256, 257, 512, 513, 2000])('expands each of %i names', (count) => {
    expectAllNames(kallsymsMemory({ symbols: functions(count - 1) }));
  });

  it.each([LE64, BE64, LE32, BE32].map((order) => [orderName(order), order] as const))(
    'expands names of a %s kernel',
    (_, order) => {
      expectAllNames(kallsymsMemory({ order }));
      expectAllNames(kallsymsMemory({ order, addressing: 'base' }));
    },
  );

  it.each([0, 1, 40])('expands names with %i tokens of more than one character', (merges) => {
    expectAllNames(kallsymsMemory({ merges }));
  });

  it.each([126, 127, 128, 300, 511])('expands a name of %i bytes', (length) => {
    expectAllNames(kallsymsMemory({ symbols: [named(length), ...functions(600)] }));
  });

  it.each([127, 200, 254])(
    'expands a name of %i bytes of a kernel before v6.1, whose lengths are one byte',
    (length) => {
      const symbols = [named(length), ...functions(600)];
      expectAllNames(
        kallsymsMemory({ symbols, bigLengths: false, layout: 'v6.0', addressing: 'base' }),
      );
    },
  );

  it('finds the markers in front of the token table, aligned to 4 bytes since v7.0', () => {
    for (const count of [300, 600, 900])
      expectAllNames(kallsymsMemory({ symbols: functions(count) }));
  });

  it('finds the markers in front of the token table, aligned to 8 bytes until v6.19', () => {
    for (const count of [300, 600, 900]) {
      expectAllNames(kallsymsMemory({ symbols: functions(count), addressing: 'base' }));
    }
  });

  it('walks the names when the markers are elsewhere, as in v6.2 and v6.3', () => {
    expectAllNames(kallsymsMemory({ layout: 'v6.2', addressing: 'base' }));
  });

  it.each([0, 1])('walks the names when marker %i is damaged', (i) => {
    for (const addressing of ['place', 'base'] as const) {
      const built = kallsymsMemory({ addressing });
      const marker = built.labels['kallsyms_markers']! + BigInt(4 * i);
      built.pages.write(marker, new ByteWriter().u32(0xdead).toBytes());
      expectAllNames(built);
    }
  });

  it('throws Corrupt (no_kallsyms) when names and markers do not fit together', () => {
    const built = kallsymsMemory();
    built.pages.write(built.labels['kallsyms_names']!, new Uint8Array(64).fill(3));
    expect(thrownBy(() => namesOf(built))).toMatchObject({ tag: 'Corrupt', reason: 'no_kallsyms' });
  });

  it('throws Corrupt (no_kallsyms) when a marker points past the names', () => {
    const built = kallsymsMemory();
    const third = built.labels['kallsyms_markers']! + 8n;
    built.pages.write(third, new ByteWriter().u32(0x7fffffff).toBytes());
    const names = namesOf(built);
    expect(thrownBy(() => names.at(600))).toMatchObject({
      reason: 'no_kallsyms',
      at: 'kallsyms_markers',
    });
    expect(() => [...names.all()]).toThrow('kallsyms_markers');
  });

  it('throws Corrupt (no_kallsyms) rather than count wrong when the length of a name is damaged', () => {
    const built = kallsymsMemory();
    const names = namesOf(built);
    const block = new Cursor(
      built.pages.read(built.labels['kallsyms_markers']! + 4n, 4),
      LE64,
      'x',
    );
    const length = built.labels['kallsyms_names']! + BigInt(block.u32());
    built.pages.write(length, Uint8Array.of(built.pages.read(length, 1)[0]! + 1));
    expect(() => [...names.all()]).toThrow(/^kallsyms_markers\[2\]: /);
  });

  it('throws Corrupt (no_kallsyms) when a name is empty', () => {
    const built = kallsymsMemory();
    const names = namesOf(built);
    built.pages.write(built.labels['kallsyms_names']!, Uint8Array.of(0));
    expect(thrownBy(() => names.at(0))).toMatchObject({
      reason: 'no_kallsyms',
      at: 'kallsyms_names[0]',
    });
  });

  it('throws Corrupt (no_kallsyms) when a name is longer than symbolNameBytes', () => {
    const built = kallsymsMemory({ symbols: [named(100)] });
    const allow = (symbolNameBytes: number) => ({ ...DEFAULT_LIMITS, symbolNameBytes });
    expect(namesOf(built, allow(101)).at(1)).toHaveLength(100);
    const error = thrownBy(() => namesOf(built, allow(100)).at(1));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'no_kallsyms', at: 'kallsyms_names[1]' });
  });

  it('throws PageMissing when the page of a name is not in the dump', () => {
    const built = kallsymsMemory({ symbols: functions(3000) });
    const names = namesOf(built);
    built.pages.drop(built.labels['kallsyms_names']! + 8192n, 'page_lost');
    expect(thrownBy(() => [...names.all()])).toMatchObject({ reason: 'page_lost' });
    expect(latin1(names.at(0))).toBe('_stext');
  });

  it('reads the pages of one marker and of one name', () => {
    const built = kallsymsMemory({ symbols: functions(20_000) });
    const names = namesOf(built);
    built.pages.touched.clear();
    names.at(10_000);
    expect(built.pages.touched.size).toBeLessThanOrEqual(3);
  });
});
