import { describe, expect, it } from 'vitest';

import { ascii } from '../../../src/vmcore/bytes/text.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { KallsymsNames } from '../../../src/vmcore/symbols/kallsyms-names.ts';
import { KallsymsOrder, NotInOrder } from '../../../src/vmcore/symbols/kallsyms-order.ts';
import { kallsymsTables } from '../../../src/vmcore/symbols/kallsyms-tables.ts';
import {
  type KallsymsMemory,
  functions,
  kallsymsMemory,
} from '../../support/builders/kallsyms-memory.ts';

function orderOf({ info, memory }: KallsymsMemory): KallsymsOrder {
  const tables = kallsymsTables(info, memory, DEFAULT_LIMITS);
  return KallsymsOrder.open(tables, KallsymsNames.open(tables))!;
}

const LTO = [ascii('.llvm.')];

describe('KallsymsOrder', () => {
  it('finds the number of every symbol by its name', () => {
    const built = kallsymsMemory({ symbols: functions(300) });
    const order = orderOf(built);
    for (const [i, { name }] of built.symbols.entries()) {
      expect(order.find(ascii(name), []).map((entry) => entry.i)).toEqual([i]);
    }
  });

  it('finds nothing, and a gap, where the name would be', () => {
    const order = orderOf(kallsymsMemory({ symbols: functions(300) }));
    expect(order.find(ascii('hwerr_data'), LTO)).toEqual([]);
    expect(order.isGap(ascii('hwerr_data'), 64)).toBe(true);
  });

  it('believes in no gap beside a name that is the wanted one but for a bit', () => {
    const symbols = [...functions(300), { name: 'hwerr_dat`', address: 0xffffffff81000010n }];
    expect(orderOf(kallsymsMemory({ symbols })).isGap(ascii('hwerr_data'), 64)).toBe(false);
  });

  it('gives a name with a suffix of link-time optimisation, and two where it is ambiguous', () => {
    const named = (...names: readonly string[]): KallsymsOrder =>
      orderOf(
        kallsymsMemory({
          symbols: [
            ...functions(300),
            ...names.map((name, i) => ({ name, address: 0xffffffff81000010n + BigInt(i) })),
          ],
        }),
      );
    expect(named('hwerr_data.llvm.1').find(ascii('hwerr_data'), LTO)).toHaveLength(1);
    expect(named('hwerr_data', 'hwerr_data').find(ascii('hwerr_data'), LTO)).toHaveLength(2);
    const twice = named('hwerr_data.llvm.1', 'hwerr_data.llvm.2');
    expect(twice.find(ascii('hwerr_data'), LTO)).toHaveLength(2);
  });

  it('throws NotInOrder for a table of zeros', () => {
    const built = kallsymsMemory({ symbols: functions(300) });
    const at = built.labels['kallsyms_seqs_of_names']!;
    built.pages.write(at, new Uint8Array(3 * built.symbols.length));
    expect(() => orderOf(built).find(ascii('hwerr_data'), [])).toThrow(NotInOrder);
  });
});
