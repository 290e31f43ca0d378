// The counters and the boot id of an identified kernel, located by its symbols. Only this file turns a missing page
// or a broken dump into an answer.

import type { VirtAddr } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt, NeverWritten, PageMissing, VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Kernel } from '../kernel.ts';
import type { CrashReport, Hwerr } from '../report.ts';
import { namesTables, whyTablesUnwritten } from '../symbols/kallsyms-tables.ts';
import { Kallsyms } from '../symbols/kallsyms.ts';
import { type KernelName, type SymbolFile, symbolFileSources } from '../symbols/symbol-files.ts';
import type { SymbolSource } from '../symbols/symbol-source.ts';
import { bootIdAddress, readBootId } from './boot-id.ts';
import { vmcoreinfoCopies, whyUnwrittenBeside } from './vmcoreinfo-copies.ts';
import { layoutOf, readCategories } from './hwerr.ts';
import { type Location, arrayInFiles, locateArray, shouldCount } from './locate.ts';

/** Sources besides the dump itself, and limits. */
export interface CounterOptions {
  readonly limits: Limits;
  /** Files that may have the symbols of this kernel; read only if the dump lacks them. */
  readonly symbolFiles?: (kernel: KernelName) => Iterable<SymbolFile>;
  /** Reads the layout of the array from BTF even if nothing indicates that it has changed. */
  readonly askBtf?: boolean;
}

/** The counters and the boot id of a kernel, and how the counters were located; null: not found. */
export interface Counters {
  readonly hwerr: Hwerr;
  readonly bootId: string | null;
  readonly symbolSource: CrashReport['symbolSource'];
  readonly layoutSource: CrashReport['layoutSource'];
  /** What the kernel's memory has of them: of none where the array is not found by kallsyms. */
  readonly vmcoreinfoCopies: readonly Vmcoreinfo[];
}

/**
 * Reads the counters and the boot id; without counters the answer says why.
 *
 * @param warn receives inconsistencies that do not stop the decoder.
 * @throws anything that the source of the dump's bytes throws, never a VmcoreError.
 */
export function readCounters(
  kernel: Kernel,
  options: CounterOptions,
  warn: (warning: string) => void,
): Counters {
  const symbols = new Symbols(kernel, options, warn);
  const bootId = bootIdOf(kernel, symbols, warn);
  const fromArray = countersOrWhyNot(symbols, kernel, options, warn);
  return { ...fromArray, bootId, vmcoreinfoCopies: symbols.vmcoreinfoCopies() };
}

type FromArray = Omit<Counters, 'bootId' | 'vmcoreinfoCopies'>;

function without(hwerr: Hwerr): FromArray {
  return { hwerr, symbolSource: null, layoutSource: null };
}

function countersOrWhyNot(
  symbols: Symbols,
  kernel: Kernel,
  options: CounterOptions,
  warn: (warning: string) => void,
): FromArray {
  try {
    return countersBy(symbols, kernel, options, warn);
  } catch (error) {
    if (error instanceof NeverWritten) warn(error.message);
    if (error instanceof PageMissing) return without({ kind: 'absent', reason: error.reason });
    if (!(error instanceof VmcoreError)) throw error;
    return without({ kind: 'unreadable', reason: error.reason, message: error.message });
  }
}

/** @throws VmcoreError if the dump is broken or a required page is missing. */
function countersBy(
  symbols: Symbols,
  kernel: Kernel,
  { limits, askBtf = false }: CounterOptions,
  warn: (warning: string) => void,
): FromArray {
  const location = symbols.unlessUnwritten(() => symbols.locateArray());
  if (location.kind !== 'found') return without({ kind: 'absent', reason: location.kind });
  const { array } = location;
  const layout = symbols.unlessUnwritten(() =>
    layoutOf(kernel, array, symbols.kallsyms, { limits, askBtf, warn }),
  );
  const unwritten = symbols.kallsyms && whyUnwrittenBeside(kernel, symbols.kallsyms, array.address);
  if (unwritten !== undefined) throw new NeverWritten('hwerr_data', unwritten);
  return {
    hwerr: { kind: 'present', categories: readCategories(kernel, array, layout, warn) },
    symbolSource: array.source,
    layoutSource: layout.source,
  };
}

/** Returns null, possibly with a warning, if the dump does not have the boot id. */
function bootIdOf(
  kernel: Kernel,
  symbols: Symbols,
  warn: (warning: string) => void,
): string | null {
  try {
    const address = symbols.bootIdAddress();
    return (address === undefined ? undefined : readBootId(kernel, address)) ?? null;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    warn(`boot id: ${error.message}`);
    return null;
  }
}

/** The sources of symbols in order: the dump's kallsyms, then symbol files. */
class Symbols {
  readonly kallsyms: Kallsyms | undefined;
  /** Why there is no kallsyms. */
  readonly #trouble: VmcoreError | undefined;
  readonly #kernel: Kernel;
  readonly #limits: Limits;
  readonly #files: Iterable<SymbolSource>;
  readonly #warn: (warning: string) => void;

  constructor(kernel: Kernel, options: CounterOptions, warn: (warning: string) => void) {
    this.#kernel = kernel;
    this.#limits = options.limits;
    this.#warn = warn;
    const { vmcoreinfo } = kernel;
    const name = { release: vmcoreinfo.osRelease, buildId: vmcoreinfo.buildId };
    this.#files = once(() =>
      symbolFileSources(options.symbolFiles?.(name) ?? [], vmcoreinfo, options.limits, warn),
    );
    try {
      this.kallsyms = Kallsyms.open(vmcoreinfo, kernel.memory, options.limits);
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      this.#trouble = error;
    }
  }

  locateArray(): Location {
    const { kallsyms } = this;
    let trouble = this.#trouble;
    if (kallsyms !== undefined) {
      try {
        return locateArray(kallsyms, this.#files, this.#kernel.vmcoreinfo.osRelease, this.#warn);
      } catch (error) {
        if (!(error instanceof VmcoreError)) throw error;
        trouble = error;
      }
    }
    // Without kallsyms, the addresses of a file are used only for a kernel whose utsname was verified.
    const array = !this.#kernel.isProven ? undefined : arrayInFiles(this.#files);
    if (array !== undefined) return { kind: 'found', array };
    // Kernels before v6.0 do not export the addresses of kallsyms, and do not have the array.
    const { vmcoreinfo } = this.#kernel;
    if (!namesTables(vmcoreinfo) && !shouldCount(vmcoreinfo.osRelease)) {
      return { kind: 'kernel_without_hwerr' };
    }
    throw trouble ?? new Corrupt('no_kallsyms', 'kallsyms', 'cannot be read');
  }

  /** @throws NeverWritten if `read` fails and part of the symbol tables was never written. */
  unlessUnwritten<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Corrupt || error instanceof PageMissing)) throw error;
      const { vmcoreinfo, memory } = this.#kernel;
      const unwritten = whyTablesUnwritten(vmcoreinfo, memory, this.#limits);
      throw unwritten === undefined ? error : new NeverWritten('kallsyms', unwritten);
    }
  }

  vmcoreinfoCopies(): Vmcoreinfo[] {
    if (this.kallsyms === undefined) return [];
    return vmcoreinfoCopies(this.#kernel, this.kallsyms, this.#limits);
  }

  bootIdAddress(): VirtAddr | undefined {
    const own = this.kallsyms && bootIdAddress(this.kallsyms);
    if (own !== undefined || !this.#kernel.isProven) return own;
    for (const symbols of this.#files) {
      const address = bootIdAddress(symbols);
      if (address !== undefined) return address;
    }
    return undefined;
  }
}

/** A value that is made on first use and kept. */
function once<T>(make: () => Iterable<T>): Iterable<T> {
  let made: T[] | undefined;
  return {
    [Symbol.iterator](): Iterator<T> {
      made ??= [...make()];
      return made[Symbol.iterator]();
    },
  };
}
