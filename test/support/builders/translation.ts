// How an architecture maps addresses, by the VMCOREINFO and the hints that a test gives it.

import { type PhysAddr, physAddr, virtAddr } from '../../../src/vmcore/bytes/units.ts';
import type { AddressHints, MappedRange } from '../../../src/vmcore/container/dump.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import type { Architecture } from '../../../src/vmcore/arch/architecture.ts';
import { SparseMemory } from './sparse-memory.ts';

const NO_HINTS: AddressHints = {
  physBase: undefined,
  ramStart: undefined,
  mapped: [],
  cpuPageTables: [],
};

interface TranslationRecipe {
  readonly keys?: string;
  readonly hints?: Partial<AddressHints>;
  /** Memory with page tables. */
  readonly memory?: SparseMemory;
}

/** What an address may be mapped to: one answer for every way that the architecture offers. */
export function translations(
  arch: Architecture,
  address: bigint,
  { keys = 'OSRELEASE=1\n', hints = {}, memory = new SparseMemory() }: TranslationRecipe = {},
): (PhysAddr | undefined)[] {
  const vmcoreinfo = new Vmcoreinfo(keys);
  const ways = arch.translators({ vmcoreinfo, hints: { ...NO_HINTS, ...hints }, memory });
  return ways.map((translate) => translate(virtAddr(address)));
}

/** A program header that maps memory. */
export function mapped(virtual: bigint, physical: bigint, length = 0x1000n): MappedRange {
  return { virtual: virtAddr(virtual), physical: physAddr(physical), length };
}
