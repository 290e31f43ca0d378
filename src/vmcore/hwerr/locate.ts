// Locates hwerr_data by the dump's own kallsyms, else by a symbol file of the same kernel. The array became
// global in bd58782995a2 ("vmcoreinfo: make hwerr_data visible for debugging") (in v6.19); before that,
// link-time optimisation could rename it.

import type { VirtAddr } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';
import type { Kallsyms } from '../symbols/kallsyms.ts';
import { LTO_SUFFIXES, type SymbolSource } from '../symbols/symbol-source.ts';

/** The array's name, and its name in Documentation/driver-api/hw-recoverable-errors.rst. */
const ARRAY_NAMES = ['hwerr_data', 'hwerror_data'];
/** The function that fills the array; also in kallsyms of kernels without data symbols. */
const LOG_FUNCTION = 'hwerr_log_error_type';
/**
 * The first release with the array and the function, fcc1c85f4268 ("vmcoreinfo: track and log recoverable
 * hardware errors") (in v6.19): they are in kernel/vmcore_info.c, so every kernel with VMCOREINFO has them.
 */
const FIRST_RELEASE = { major: 6, minor: 19 };

/** The address of the array, and the source of symbols that has it. */
export interface LocatedArray {
  readonly address: VirtAddr;
  /** Bytes to the next symbol; undefined if unknown. */
  readonly size: bigint | undefined;
  readonly source: SymbolSource['kind'];
}

export type Location =
  | { readonly kind: 'found'; readonly array: LocatedArray }
  | { readonly kind: 'kernel_without_hwerr' }
  | { readonly kind: 'symbol_not_found' };

/**
 * Locates the array.
 *
 * @param kallsyms the dump's own symbols.
 * @param files other sources, opened on demand.
 * @param release OSRELEASE, which shows whether the kernel should have the array.
 * @param warn called if the array may have been missed although no source has it.
 * @throws Corrupt (`no_kallsyms`) if a kernel that should have array and function has neither and nothing
 *   proves their absence; (`symbol_not_found`) if a name is ambiguous.
 */
export function locateArray(
  kallsyms: Kallsyms,
  files: Iterable<SymbolSource>,
  release: string,
  warn: (warning: string) => void,
): Location {
  const own = arrayIn(kallsyms);
  if (own !== undefined) return { kind: 'found', array: own };
  if (kallsyms.find(LOG_FUNCTION) === undefined) {
    requireAbsence(kallsyms, release, warn);
    return { kind: 'kernel_without_hwerr' };
  }
  const array = arrayInFiles(files);
  return array === undefined ? { kind: 'symbol_not_found' } : { kind: 'found', array };
}

/** Requires proof of absence from a release that should have the array; an older one may have a backport. */
function requireAbsence(
  kallsyms: Kallsyms,
  release: string,
  warn: (warning: string) => void,
): void {
  const names = [...ARRAY_NAMES, LOG_FUNCTION];
  if (!shouldCount(release)) {
    if (kallsyms.suggestsAbsent(names)) return;
    warn(`kallsyms: got no hwerr_data, as ${release} has none, but its names are damaged`);
    return;
  }
  const detail = `got no hwerr_data, which ${release} should have`;
  if (!kallsyms.provesAbsent(names)) {
    throw new Corrupt('no_kallsyms', 'kallsyms', `${detail}, and no proof that it has none`);
  }
  warn(`kallsyms: ${detail}`);
}

/** Whether a kernel of that release should have the array; true if the release has no version number. */
export function shouldCount(release: string): boolean {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})/.exec(release) ?? [];
  if (major === undefined || minor === undefined) return true;
  const { major: first, minor: since } = FIRST_RELEASE;
  return Number(major) > first || (Number(major) === first && Number(minor) >= since);
}

/** Returns the array from the first file that has it. */
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
      return { address: found.address, size: found.size, source: symbols.kind };
    }
  }
  return undefined;
}
