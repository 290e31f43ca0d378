// Reads the layout of hwerr_data from the kernel's BTF, for kernels that changed it.

import { CAPS, type Limits } from '../limits.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';
import { Corrupt } from '../errors.ts';
import { findInBtf } from '../symbols/btf.ts';
import type { SymbolSource } from '../symbols/symbol-source.ts';
import type { HwerrLayout } from './layout.ts';

const PREFIX = 'HWERR_RECOV_';
/** The constant after the last category. */
const END = 'HWERR_RECOV_MAX';
/** Valid category names, which appear in JSON, on terminals and in metrics. */
const CATEGORY_NAME = /^[a-z0-9_]{1,40}$/;

/**
 * @returns undefined if the kernel has no BTF, or BTF lacks these types.
 * @throws PageMissing if BTF is not in the dump, Corrupt if it is invalid.
 */
export function btfLayout(
  memory: VirtualMemory,
  symbols: SymbolSource,
  limits: Limits,
): HwerrLayout | undefined {
  const start = symbols.find('__start_BTF');
  if (start === undefined) return undefined;
  const types = { struct: 'hwerr_info', enum: 'hwerr_error_type' };
  const found = findInBtf(memory, start.address, types, limits);
  if (found === undefined) return undefined;
  const { size, members } = found.struct;
  const countOffset = members.get('count');
  const timestampOffset = members.get('timestamp');
  const categories = categoryNames(found.enum);
  const fits = (offset: number | undefined, bytes: number): offset is number =>
    offset !== undefined && Number.isInteger(offset) && offset + bytes <= size;
  if (!fits(countOffset, 4) || !fits(timestampOffset, 8) || categories === undefined) {
    throw new Corrupt('corrupt', 'btf: struct hwerr_info', 'got no count, timestamp or categories');
  }
  if (countOffset < timestampOffset + 8 && timestampOffset < countOffset + 4) {
    throw new Corrupt('corrupt', 'btf: struct hwerr_info', 'got a count that overlaps its time');
  }
  return { source: 'btf', stride: size, countOffset, timestampOffset, categories };
}

/**
 * Returns `cpu` for HWERR_RECOV_CPU = 0 and so on, in the order of the values; undefined if the constants are
 * not valid names, or two are equal.
 */
function categoryNames(constants: ReadonlyMap<string, number>): string[] | undefined {
  const count = constants.get(END);
  if (count === undefined || count < 1 || count > CAPS.categories) return undefined;
  const names = Array.from({ length: count }, (_, i) => `category_${i}`);
  for (const [name, value] of constants) {
    if (name !== END && name.startsWith(PREFIX) && value >= 0 && value < count) {
      names[value] = name.slice(PREFIX.length).toLowerCase();
    }
  }
  const areNames = names.every((name) => CATEGORY_NAME.test(name));
  return areNames && new Set(names).size === count ? names : undefined;
}
