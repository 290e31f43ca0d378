// The interface of all sources of symbols.

import type { VirtAddr } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';

/** A symbol of the dumped kernel, at its address in the dumped memory. */
export interface KernelSymbol {
  readonly name: string;
  readonly address: VirtAddr;
  /** Bytes to the next symbol with a higher address; undefined if unknown. */
  readonly size: bigint | undefined;
}

/** Suffixes that Clang and GCC append to a static symbol's name under LTO. */
export const LTO_SUFFIXES: readonly string[] = ['.llvm.', '.lto_priv.'];

/** Symbols by name: of kallsyms in the dump, or of a System.map or vmlinux file. */
export interface SymbolSource {
  readonly kind: 'kallsyms' | 'system-map' | 'vmlinux';
  /**
   * Returns the symbol of that name, or else the one with a suffix that link-time optimisation appends to
   * static symbols; undefined if there is none.
   *
   * @throws Corrupt (`symbol_not_found`) if several symbols match.
   */
  find(name: string, suffixes?: readonly string[]): KernelSymbol | undefined;
}

/**
 * Returns the error for several symbols of one name: static symbols of several files, of which none can be
 * chosen.
 */
export function ambiguous(source: string, name: string): Corrupt {
  return new Corrupt('symbol_not_found', source, `has several symbols ${name}`);
}
