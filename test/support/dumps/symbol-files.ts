// Symbol files of a test kernel, as they lie beside its dump: linked at one place, running at another.

import { bytesSource } from '../../../src/vmcore/index.ts';
import type { SymbolFile } from '../../../src/vmcore/index.ts';
import { bytesOf } from '../builders/bytes.ts';
import { BUILD_ID, type BuiltKernel } from '../builders/kernel-builder.ts';
import { type VmlinuxRecipe, vmlinuxFile } from '../builders/vmlinux-builder.ts';

/** How far KASLR moved the kernel. */
const SHIFT = 0x1a200000n;

export interface LinkedSymbol {
  readonly name: string;
  readonly address: bigint;
}

/** Names and addresses as they were linked, by address. */
export function linkedSymbols(built: BuiltKernel, shift: bigint = SHIFT): LinkedSymbol[] {
  const array = { name: 'hwerr_data', address: built.start + (built.at('array') - built.physical) };
  return [...built.symbols.filter(({ name }) => name !== array.name), array]
    .map(({ name, address }) => ({ name, address: address - shift }))
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

export function systemMapText(symbols: readonly LinkedSymbol[]): string {
  return symbols
    .map(({ name, address }) => `${address.toString(16).padStart(16, '0')} T ${name}\n`)
    .join('');
}

export function systemMapFile(text: string, name = 'System.map'): SymbolFile {
  return { name, source: bytesSource(bytesOf(text)) };
}

export function vmlinuxSymbolFile(
  built: BuiltKernel,
  more: Partial<VmlinuxRecipe> = {},
  name = 'vmlinux',
): SymbolFile {
  const { order } = built.machine;
  const symbols = linkedSymbols(built);
  return { name, source: bytesSource(vmlinuxFile({ order, symbols, buildId: BUILD_ID, ...more })) };
}
