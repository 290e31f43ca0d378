// Where hwerr_data lies: by the dump's own kallsyms, by a symbol file of the same kernel, or by the
// code of the function that fills it, in this order.
// The array became global in bd58782995a2 (in v6.19-rc); until then link-time optimisation could
// rename it.

import { CAPS } from '../limits.ts';
import type { VirtAddr } from '../bytes/units.ts';
import { VmcoreError } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import { arrayInArm64Code } from './code-arm64.ts';
import { arrayInX86Code } from './code-x86_64.ts';
import type { KernelSymbol, SymbolSource } from '../symbols/symbol-source.ts';

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
  readonly source: SymbolSource['kind'] | 'disassembly';
}

export type Location =
  | { readonly kind: 'found'; readonly array: LocatedArray }
  | { readonly kind: 'kernel_without_hwerr' }
  | { readonly kind: 'symbol_not_found' };

/**
 * @param kallsyms the dump's own symbols.
 * @param files other sources, opened only when they are needed.
 */
export function locateArray(
  kernel: Kernel,
  kallsyms: SymbolSource,
  files: Iterable<SymbolSource>,
): Location {
  const own = arrayIn(kallsyms);
  if (own !== undefined) return { kind: 'found', array: own };
  const logFunction = kallsyms.find(LOG_FUNCTION);
  if (logFunction === undefined) return { kind: 'kernel_without_hwerr' };
  const array = arrayInFiles(files) ?? arrayInCode(kernel, logFunction);
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

/** By the instructions of the function; a page of code that is missing is no error of its own. */
function arrayInCode(kernel: Kernel, { address, room }: KernelSymbol): LocatedArray | undefined {
  const length = Number(
    room === undefined || room > BigInt(CAPS.codeBytes) ? BigInt(CAPS.codeBytes) : room,
  );
  let code: Uint8Array;
  try {
    code = kernel.memory.read(address, length);
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
  const found = decodeCode(kernel, code, address);
  return found === undefined
    ? undefined
    : { address: found, room: undefined, source: 'disassembly' };
}

function decodeCode(kernel: Kernel, code: Uint8Array, address: VirtAddr): VirtAddr | undefined {
  switch (kernel.arch.name) {
    case 'x86_64':
      return arrayInX86Code(code);
    case 'arm64':
      return arrayInArm64Code(code, address);
    default:
      return undefined;
  }
}
