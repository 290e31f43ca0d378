// Symbols from files (--symbols.path), for kernels whose kallsyms has no data symbols. A file is used only if
// it belongs to the dumped kernel: a vmlinux by its build id, a System.map by further symbols of VMCOREINFO,
// and both by two symbols whose addresses VMCOREINFO has, which also give the offset by KASLR.

import type { ByteSource } from '../bytes/source.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { isElf } from '../elf/elf-header.ts';
import { VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { SymbolSource } from './symbol-source.ts';
import { type UnmovedSymbols, systemMap } from './system-map.ts';
import { vmlinux } from './vmlinux.ts';

/** Identifies the kernel whose symbols are needed. */
export interface KernelName {
  readonly release: string;
  readonly buildId: string | undefined;
}

/** A file that may have the symbols of the dumped kernel. */
export interface SymbolFile {
  /** The name in messages. */
  readonly name: string;
  readonly source: ByteSource;
}

/** Returns the symbols of each file of this kernel; problems of other files are passed to `warn`. */
export function* symbolFileSources(
  files: Iterable<SymbolFile>,
  info: Vmcoreinfo,
  limits: Limits,
  warn: (warning: string) => void,
): Generator<SymbolSource> {
  for (const { name, source } of files) {
    try {
      const symbols = openSymbols(source, info, limits);
      const shift = symbols && shiftOf(symbols, info);
      if (symbols !== undefined && shift !== undefined) yield symbols.at(shift);
      else warn(`${name}: is not of this kernel`);
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      warn(`${name}: ${error.message}`);
    }
  }
}

function openSymbols(
  source: ByteSource,
  info: Vmcoreinfo,
  limits: Limits,
): UnmovedSymbols | undefined {
  const head = source.read(0, Math.min(4, source.size));
  if (!isElf(head)) return systemMap(source, limits);
  const file = vmlinux(source, limits);
  return file.buildId !== undefined && file.buildId === info.buildId ? file : undefined;
}

/** Symbols in every kernel and every VMCOREINFO. */
const ALWAYS = ['_stext', 'init_uts_ns'] as const;
/**
 * Variables of kernel/printk/printk.c, whose addresses depend on what precedes them in .data and .bss, and a
 * table after all symbol names, which newer kernels omit from System.map.
 */
const OF_THE_BUILD = ['printk_rb_static', 'clear_seq', 'kallsyms_offsets'] as const;

/**
 * Returns the offset of the running kernel from its link addresses, bytes; undefined if two symbols disagree. A
 * System.map has no build id, so further symbols that VMCOREINFO has must agree too.
 */
function shiftOf(symbols: UnmovedSymbols, info: Vmcoreinfo): bigint | undefined {
  const shift = (name: string): bigint | undefined => {
    const runs = info.symbol(name);
    const linked = runs === undefined ? undefined : symbols.linkAddress(name);
    return runs === undefined || linked === undefined ? undefined : runs - linked;
  };
  const [first, other] = ALWAYS.map(shift);
  if (first === undefined || first !== other) return undefined;
  if (symbols.kind === 'vmlinux') return first;
  return OF_THE_BUILD.every((name) => (shift(name) ?? first) === first) ? first : undefined;
}
