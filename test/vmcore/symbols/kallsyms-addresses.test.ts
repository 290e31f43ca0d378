import { describe, expect, it } from 'vitest';

import { virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import {
  type AddressOf,
  kallsymsAddresses,
} from '../../../src/vmcore/symbols/kallsyms-addresses.ts';
import { KallsymsNames } from '../../../src/vmcore/symbols/kallsyms-names.ts';
import { kallsymsTables } from '../../../src/vmcore/symbols/kallsyms-tables.ts';
import { BE32, BE64, LE32, LE64, orderName } from '../../support/builders/bytes.ts';
import type { Addressing } from '../../support/builders/kallsyms-builder.ts';
import {
  type KallsymsMemory,
  STEXT,
  functions,
  kallsymsMemory,
} from '../../support/builders/kallsyms-memory.ts';
import { thrownBy } from '../../support/system/thrown.ts';

function addressesOf({ info, memory }: KallsymsMemory, stext = info.symbol('_stext')!): AddressOf {
  const tables = kallsymsTables(info, memory, DEFAULT_LIMITS);
  return kallsymsAddresses(tables, KallsymsNames.open(tables), stext);
}

function expectAllAddresses(built: KallsymsMemory): void {
  const addressOf = addressesOf(built);
  const wanted = built.symbols.map(({ address }) => address);
  expect(wanted.map((_, i) => addressOf(i))).toEqual(wanted);
}

describe('kallsymsAddresses', () => {
  it.each<[string, Addressing]>([
    ['place-relative, since v7.0', 'place'],
    ['relative to the base, until v6.19', 'base'],
    ['relative to the base but for percpu, until v6.14', 'percpu'],
    ['whole, until v6.10', 'addresses'],
  ])('gives addresses of 64-bit kernels when they are %s', (_, addressing) => {
    for (const order of [LE64, BE64]) {
      expectAllAddresses(kallsymsMemory({ order, addressing, symbols: functions(300) }));
    }
  });

  it.each<[string, Addressing]>([
    ['place-relative', 'place'],
    ['plain: it does not move', 'plain'],
    ['relative to the base', 'base'],
    ['whole', 'addresses'],
  ])('gives addresses of 32-bit kernels when they are %s', (_, addressing) => {
    for (const order of [LE32, BE32]) {
      const symbols = functions(300, 32);
      expect(orderName(order)).toContain('32');
      expectAllAddresses(kallsymsMemory({ order, addressing, symbols }));
    }
  });

  it('gives percpu symbols their small addresses', () => {
    const percpu = [0n, 0x1000n, 0x1d40n].map((address, i) => ({ name: `cpu_${i}`, address }));
    const built = kallsymsMemory({ addressing: 'percpu', symbols: [...percpu, ...functions(300)] });
    expectAllAddresses(built);
    expect(addressesOf(built)(2)).toBe(0x1d40n);
  });

  it('gives addresses more than 2 GiB from the base', () => {
    const far = { name: 'far', address: STEXT + 0x9000_0000n - 0x8000_0000n };
    const modules = { name: 'module', address: STEXT + 0x6000_0000n };
    expectAllAddresses(kallsymsMemory({ addressing: 'base', symbols: [far, modules] }));
  });

  it('knows _stext among others at its address', () => {
    const aliases = ['_text', 'startup_64', '__head'].map((name) => ({ name, address: STEXT }));
    expectAllAddresses(kallsymsMemory({ symbols: [...aliases, ...functions(10)] }));
  });

  it('knows _stext behind many symbols with lower addresses', () => {
    const before = Array.from({ length: 700 }, (_, i) => ({
      name: `early_${i}`,
      address: STEXT - 0x10000n + BigInt(16 * i),
    }));
    expectAllAddresses(kallsymsMemory({ symbols: [...before, ...functions(10)] }));
  });

  it.each([
    ['is another', STEXT + 0x100n],
    ['is no address of a symbol', STEXT + 1n],
    ['is past all symbols', STEXT + 0x1000_0000n],
    ['is before all symbols', STEXT - 1n],
  ])('throws Corrupt (no_kallsyms) when the address of _stext %s', (_, stext) => {
    const built = kallsymsMemory();
    const error = thrownBy(() => addressesOf(built, virtAddr(stext)));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'no_kallsyms' });
  });

  it('throws Corrupt (no_kallsyms) when 64 other symbols share the address of _stext', () => {
    const aliases = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `_${i}`, address: STEXT }));
    expectAllAddresses(kallsymsMemory({ symbols: aliases(63) }));
    const built = kallsymsMemory({ symbols: aliases(64) });
    expect(thrownBy(() => addressesOf(built))).toMatchObject({ reason: 'no_kallsyms' });
  });
});
