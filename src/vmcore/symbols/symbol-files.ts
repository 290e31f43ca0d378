// Symbols from files beside the dump (--symbols.path), for kernels whose own table has no data
// symbols. A file is believed only when it is of the dumped kernel: a vmlinux by its build id, a
// System.map by what else it has of VMCOREINFO's symbols, and either by two symbols whose addresses
// VMCOREINFO knows, which also show how far KASLR moved them.

import type { ByteSource } from '../bytes/source.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { isElf } from '../elf/elf-header.ts';
import { VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { SymbolSource } from './symbol-source.ts';
import { type UnmovedSymbols, systemMap } from './system-map.ts';
import { vmlinux } from './vmlinux.ts';

/** Which kernel's symbols are wanted. */
export interface KernelName {
  readonly release: string;
  readonly buildId: string | undefined;
}

/** A file that may have the symbols of the dumped kernel. */
export interface SymbolFile {
  /** For messages. */
  readonly name: string;
  readonly source: ByteSource;
}

/** The symbols of each file that is of this kernel; what is wrong with the others goes to `warn`. */
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

/** In every kernel and every VMCOREINFO. */
const ALWAYS = ['_stext', 'init_uts_ns'] as const;
/**
 * Variables of kernel/printk/printk.c, whose place depends on what lies before them in .data and .bss, and
 * a table that is behind the names of all symbols, which newer kernels leave out of their System.map.
 */
const OF_THE_BUILD = ['printk_rb_static', 'clear_seq', 'kallsyms_offsets'] as const;

/**
 * How far the kernel runs from where it was linked, bytes; undefined when two symbols disagree. A
 * System.map has no build id: what else it has of VMCOREINFO's symbols must agree too.
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
