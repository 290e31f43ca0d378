// hwerr_data: a count and the time of the last error for each category of hardware errors that the kernel survived.
// Source: kernel/vmcore_info.c, struct hwerr_info { atomic_t count; time64_t timestamp; }.
// The kernel stores count and time separately, so a crash may come between the two.

import { Corrupt, VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Kernel } from '../kernel.ts';
import type { HwerrCategory } from '../report.ts';
import type { SymbolSource } from '../symbols/symbol-source.ts';
import { btfLayout } from './btf-layout.ts';
import { CATEGORIES } from './categories.ts';
import { type HwerrLayout, builtinLayout, layoutBytes } from './layout.ts';
import type { LocatedArray } from './locate.ts';

const KNOWN: readonly string[] = CATEGORIES;
/** KTIME_SEC_MAX (include/linux/ktime.h): kernel clocks end in the year 2262. */
const LATEST_SECONDS = 9_223_372_036n;

/** Limits and warnings of the search for the array's layout. */
export interface LayoutOptions {
  readonly limits: Limits;
  /** Reads BTF even if nothing indicates that the layout has changed. */
  readonly askBtf: boolean;
  /** Receives inconsistencies that do not stop the decoder. */
  readonly warn: (warning: string) => void;
}

/**
 * Returns the layout of the array: the known one if it fills the space up to the next symbol, otherwise that of
 * BTF. If the size of the symbol is unknown, only BTF shows whether the layout differs.
 *
 * @param symbols for the address of BTF; undefined if the dump has no readable symbols.
 * @throws Corrupt if the array does not fit into its symbol.
 */
export function layoutOf(
  kernel: Kernel,
  array: LocatedArray,
  symbols: SymbolSource | undefined,
  { limits, askBtf, warn }: LayoutOptions,
): HwerrLayout {
  const builtin = builtinLayout(kernel.arch.int64Alignment);
  const { size } = array;
  if (!askBtf && size === BigInt(layoutBytes(builtin))) return builtin;
  const layout = (symbols && describedLayout(kernel, symbols, limits, warn)) ?? builtin;
  const bytes = layoutBytes(layout);
  if (size !== undefined && size < BigInt(bytes)) {
    throw new Corrupt('corrupt', 'hwerr_data', `got a symbol of ${size} bytes, want ${bytes}`);
  }
  return layout;
}

function describedLayout(
  kernel: Kernel,
  symbols: SymbolSource,
  limits: Limits,
  warn: (warning: string) => void,
): HwerrLayout | undefined {
  try {
    return btfLayout(kernel.memory, symbols, limits);
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    warn(`layout: ${error.message}`);
    return undefined;
  }
}

/**
 * Reads the counters.
 *
 * @throws PageMissing if the array's page is not in the dump, NeverWritten if it reads as zeros that were never
 *   written, Corrupt if a time is impossible.
 */
export function readCategories(
  kernel: Kernel,
  array: LocatedArray,
  layout: HwerrLayout,
  warn: (warning: string) => void,
): HwerrCategory[] {
  const { address, size } = array;
  const bytes = layoutBytes(layout);
  if (size !== BigInt(bytes)) {
    const by = layout.source === 'btf' ? 'as BTF says' : 'no BTF to ask';
    warn(`hwerr_data: symbol of ${size ?? 'unknown'} bytes, read the first ${bytes}; ${by}`);
  }
  const c = kernel.memory.cursor(address, bytes, 'hwerr_data');
  kernel.memory.requireWritten(address, bytes, 'hwerr_data');
  return layout.categories.map((category, i): HwerrCategory => {
    if (!KNOWN.includes(category))
      warn(`${category}: not known here, counted as others in metrics`);
    const element = i * layout.stride;
    const count = c.seek(element + layout.countOffset).u32(); // count: atomic_t
    const time = c.seek(element + layout.timestampOffset).i64(); // timestamp: Unix seconds
    if ((count === 0) !== (time === 0n)) {
      warn(`${category}: count ${count} with time ${time}: the crash came between the two`);
    }
    if (time < 0n || time > LATEST_SECONDS) {
      const want = `want 0..${LATEST_SECONDS}: this is not the array, or not whole`;
      throw new Corrupt('corrupt', `hwerr_data: ${category}`, `got time ${time}, ${want}`);
    }
    return { category, count, lastErrorTimestampSeconds: time === 0n ? null : Number(time) };
  });
}
