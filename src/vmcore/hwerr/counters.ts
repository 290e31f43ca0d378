// The counters and the boot id of an identified kernel: by what is remembered of it, else by its
// symbols. Here, and only here, a page that is not in the dump becomes an answer.

import type { VirtAddr } from '../bytes/units.ts';
import { Corrupt, PageMissing, VmcoreError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { Kernel } from '../kernel.ts';
import type { CrashReport, Hwerr } from '../report.ts';
import { Kallsyms } from '../symbols/kallsyms.ts';
import { type KernelName, type SymbolFile, symbolFileSources } from '../symbols/symbol-files.ts';
import type { SymbolSource } from '../symbols/symbol-source.ts';
import { bootIdAddress, readBootId } from './boot-id.ts';
import { layoutOf, readCategories } from './hwerr.ts';
import type { KnownKernels, ReadableArray } from './known-kernels.ts';
import { type Location, arrayInFiles, locateArray } from './locate.ts';

/** What may be used beside the dump itself. */
export interface CounterOptions {
  readonly limits: Limits;
  /** Files that may hold the symbols of this kernel; asked for only when the dump has them not. */
  readonly symbolFiles?: (kernel: KernelName) => Iterable<SymbolFile>;
  /** Remembers kernels from one decode to the next. */
  readonly knownKernels?: KnownKernels;
  /** Read the layout of the array from BTF even where nothing says that it has changed. */
  readonly askBtf?: boolean;
}

export interface Counters {
  readonly hwerr: Hwerr;
  readonly bootId: string | undefined;
  readonly symbolSource: CrashReport['symbolSource'] | undefined;
  readonly layoutSource: CrashReport['layoutSource'] | undefined;
}

/**
 * @param warn takes what is odd and does not stop the decoder.
 * @throws Corrupt when the symbols make no sense and no file beside the dump has them.
 */
export function readCounters(
  kernel: Kernel,
  options: CounterOptions,
  warn: (warning: string) => void,
): Counters {
  const bootId = (address: VirtAddr | undefined): string | undefined =>
    orWarn(() => (address === undefined ? undefined : readBootId(kernel, address)), warn);
  // A kernel that nothing has proven yet must have its symbols looked up, for that is the proof.
  const { isProven } = kernel;
  const recalled = isProven ? options.knownKernels?.recall(kernel) : undefined;
  if (recalled !== undefined && options.askBtf !== true) {
    const { hwerr } = recalled;
    return orAbsent(bootId(recalled.bootIdAddress), () =>
      hwerr === undefined ? absent('kernel_without_hwerr') : present(kernel, hwerr, warn),
    );
  }
  const symbols = new Symbols(kernel, options, warn);
  const id = orWarn(() => ({ address: symbols.bootIdAddress() }), warn);
  const learn = (hwerr: ReadableArray | undefined): void => {
    // A dump that is damaged must not speak for the others.
    if (id) options.knownKernels?.learn(kernel, { hwerr, bootIdAddress: id.address });
  };
  return orAbsent(bootId(id?.address), () => {
    const location = symbols.locateArray();
    if (location.kind !== 'found') {
      // Only of a kernel that its utsname has proven: no array will prove it.
      if (location.kind === 'kernel_without_hwerr' && isProven) learn(undefined);
      return absent(location.kind);
    }
    const { array } = location;
    const layout = layoutOf(kernel, array, symbols.kallsyms, {
      limits: options.limits,
      askBtf: options.askBtf === true,
      warn,
    });
    const counters = present(kernel, { array, layout }, warn);
    learn({ array, layout });
    return counters;
  });
}

type WithoutBootId = Omit<Counters, 'bootId'>;

/** What `read` gives; a page that is not in the dump is an answer too. */
function orAbsent(bootId: string | undefined, read: () => WithoutBootId): Counters {
  try {
    return { ...read(), bootId };
  } catch (error) {
    if (error instanceof PageMissing) return { ...absent(error.reason), bootId };
    throw error;
  }
}

function absent(reason: Exclude<Hwerr, { kind: 'present' }>['reason']): WithoutBootId {
  return {
    hwerr: { kind: 'absent', reason },
    symbolSource: undefined,
    layoutSource: undefined,
  };
}

function present(
  kernel: Kernel,
  { array, layout }: ReadableArray,
  warn: (warning: string) => void,
): WithoutBootId {
  const categories = readCategories(kernel, array, layout, warn);
  return {
    hwerr: { kind: 'present', categories },
    symbolSource: array.source,
    layoutSource: layout.source,
  };
}

/** The sources of symbols in their order: the dump's kallsyms, then the files beside it. */
class Symbols {
  readonly kallsyms: Kallsyms | undefined;
  /** Why there is no kallsyms. */
  readonly #trouble: VmcoreError | undefined;
  readonly #kernel: Kernel;
  readonly #files: Iterable<SymbolSource>;
  readonly #warn: (warning: string) => void;

  constructor(kernel: Kernel, options: CounterOptions, warn: (warning: string) => void) {
    this.#kernel = kernel;
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
    // Without kallsyms, only a kernel that its utsname has proven may be read by a file's addresses.
    const array = !this.#kernel.isProven ? undefined : arrayInFiles(this.#files);
    if (array !== undefined) return { kind: 'found', array };
    throw trouble ?? new Corrupt('no_kallsyms', 'kallsyms', 'cannot be read');
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

/** What is made when it is first wanted, and kept. */
function once<T>(make: () => Iterable<T>): Iterable<T> {
  let made: T[] | undefined;
  return {
    [Symbol.iterator](): Iterator<T> {
      made ??= [...make()];
      return made[Symbol.iterator]();
    },
  };
}

function orWarn<T>(read: () => T, warn: (warning: string) => void): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    warn(`boot id: ${error.message}`);
    return undefined;
  }
}
