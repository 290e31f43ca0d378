// kallsyms tables in memory, with the VMCOREINFO that names them: what a decoder of symbols is given.

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import type { VirtualMemory } from '../../../src/vmcore/memory/virtual-memory.ts';
import { LE64 } from './bytes.ts';
import {
  type KallsymsRecipe,
  type SymbolRecipe,
  kallsymsKeys,
  kallsymsTables,
} from './kallsyms-builder.ts';
import { SparseMemory, identityMapped } from './sparse-memory.ts';

export const STEXT = 0xffffffff81000000n;
const TABLES = 0xffffffff82000000n;
const STEXT_32 = 0xc0008000n;
const TABLES_32 = 0xc0800000n;

export interface KallsymsMemory {
  readonly info: Vmcoreinfo;
  readonly memory: VirtualMemory;
  /** The same memory, to be damaged. */
  readonly pages: SparseMemory;
  readonly labels: Readonly<Record<string, bigint>>;
  /** By address, as in the tables. */
  readonly symbols: readonly SymbolRecipe[];
}

/** Tables of _stext and further symbols; those at its address come before it. */
export function kallsymsMemory(recipe: Partial<KallsymsRecipe> = {}): KallsymsMemory {
  const { order = LE64, symbols: further = functions(1000, order.wordBits) } = recipe;
  const is64 = order.wordBits === 64;
  const stext = is64 ? STEXT : STEXT_32;
  const symbols = [...further, { name: '_stext', address: stext }];
  const built = kallsymsTables({ ...recipe, symbols }, is64 ? TABLES : TABLES_32);
  const pages = new SparseMemory().write(is64 ? TABLES : TABLES_32, built.bytes);
  const keys = `SYMBOL(_stext)=${stext.toString(16)}\n${kallsymsKeys(built)}`;
  return {
    info: new Vmcoreinfo(keys),
    memory: identityMapped(pages, order),
    pages,
    labels: built.labels,
    symbols: symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0)),
  };
}

/** So many functions with names that are in no order, 16 bytes apart. */
export function functions(count: number, wordBits: 32 | 64 = 64): SymbolRecipe[] {
  const start = wordBits === 64 ? STEXT : STEXT_32;
  return Array.from({ length: count }, (_, i) => ({
    name: `${['acpi', 'kmem', 'tcp', 'xfs'][i % 4]!}_do_${(i * 7919) % 10_007}`,
    address: start + 0x100n + BigInt(16 * i),
  }));
}

/** VMCOREINFO without one of its lines. */
export function without(info: Vmcoreinfo, key: string): Vmcoreinfo {
  const lines = info.text.split('\n').filter((line) => !line.startsWith(`${key}=`));
  return new Vmcoreinfo(lines.join('\n'));
}
