// Where hwerr_data lies: by the dump's own kallsyms, else by a symbol file of the same kernel.
// The array became global in bd58782995a2 (in v6.19-rc); until then link-time optimisation could
// rename it.

import type { VirtAddr } from '../bytes/units.ts';
import type { SymbolSource } from '../symbols/symbol-source.ts';

/** The array, and the name that Documentation/driver-api/hw-recoverable-errors.rst calls it by. */
const ARRAY_NAMES = ['hwerr_data', 'hwerror_data'];
/** What Clang and GCC append to a static symbol's name under LTO. */
const LTO_SUFFIXES = ['.llvm.', '.lto_priv.'];
/** The function that fills the array: kept by kernels that keep no data symbols. */
const LOG_FUNCTION = 'hwerr_log_error_type';

export interface LocatedArray {
  readonly address: VirtAddr;
  /** Bytes to the next symbol; undefined when that is not known. */
  readonly room: bigint | undefined;
  readonly source: SymbolSource['kind'];
}

export type Location =
  | { readonly kind: 'found'; readonly array: LocatedArray }
  | { readonly kind: 'kernel_without_hwerr' }
  | { readonly kind: 'symbol_not_found' };

/**
 * @param kallsyms the dump's own symbols.
 * @param files other sources, opened only when they are needed.
 */
export function locateArray(kallsyms: SymbolSource, files: Iterable<SymbolSource>): Location {
  const own = arrayIn(kallsyms);
  if (own !== undefined) return { kind: 'found', array: own };
  if (kallsyms.find(LOG_FUNCTION) === undefined) return { kind: 'kernel_without_hwerr' };
  const array = arrayInFiles(files);
  return array === undefined ? { kind: 'symbol_not_found' } : { kind: 'found', array };
}

/** The array by the first of the files that knows it. */
export function arrayInFiles(files: Iterable<SymbolSource>): LocatedArray | undefined {
  for (const symbols of files) {
    const array = arrayIn(symbols);
    if (array !== undefined) return array;
  }
  return undefined;
}

function arrayIn(symbols: SymbolSource): LocatedArray | undefined {
  for (const name of ARRAY_NAMES) {
    const found = symbols.find(name, LTO_SUFFIXES);
    if (found !== undefined) {
      return { address: found.address, room: found.room, source: symbols.kind };
    }
  }
  return undefined;
}
