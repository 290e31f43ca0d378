// What every source of symbols answers, wherever its addresses come from.

import type { VirtAddr } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';

/** A symbol of the dumped kernel, at its address in the dumped memory. */
export interface KernelSymbol {
  readonly name: string;
  readonly address: VirtAddr;
  /** Bytes to the next symbol with a higher address; undefined when that is not known. */
  readonly size: bigint | undefined;
}

/** What Clang and GCC append to a static symbol's name under LTO. */
export const LTO_SUFFIXES: readonly string[] = ['.llvm.', '.lto_priv.'];

/** Symbols by name: of kallsyms in the dump, or of a System.map or vmlinux beside it. */
export interface SymbolSource {
  readonly kind: 'kallsyms' | 'system-map' | 'vmlinux';
  /**
   * The symbol of that name; failing that, the same name with one of the suffixes that link-time
   * optimisation appends to a static one.
   *
   * @throws Corrupt (`symbol_not_found`) when several symbols are called so.
   */
  find(name: string, suffixes?: readonly string[]): KernelSymbol | undefined;
}

/** Static symbols of several files may share a name: none of them is the one that was meant. */
export function ambiguous(source: string, name: string): Corrupt {
  return new Corrupt('symbol_not_found', source, `has several symbols ${name}`);
}
