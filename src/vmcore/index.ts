// The one door of the decoder: bytes in, CrashReport out. Pure and synchronous; it reads nothing but
// the source it is given, and keeps nothing between two calls.

import type { ByteSource } from './bytes/source.ts';
import { openDump } from './container/open.ts';
import type { DecodeCost } from './container/physical-memory.ts';
import type { SplitPart } from './container/dump.ts';
import { VmcoreError } from './errors.ts';
import { readCounters } from './hwerr/counters.ts';
import type { KnownKernels } from './hwerr/known-kernels.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { identifyKernel } from './paging/kernel.ts';
import { panicLine } from './printk/panic-line.ts';
import type { CrashReport } from './report.ts';
import type { SymbolFile } from './symbols/symbol-files.ts';

export { type ByteSource, bytesSource, inRange, requireRange } from './bytes/source.ts';
export { DECODE_REASONS, type DecodeReason, VmcoreError, Corrupt } from './errors.ts';
export { CATEGORIES, metricCategory } from './hwerr/categories.ts';
export { KnownKernels } from './hwerr/known-kernels.ts';
export { DEFAULT_LIMITS, type Limits, limitsWithin } from './limits.ts';
export type { SplitPart } from './container/dump.ts';
export type { SymbolFile } from './symbols/symbol-files.ts';
export type { AbsentReason, CrashReport, Hwerr, HwerrCategory } from './report.ts';

/** What a decode may use beside the dump itself. */
export interface DecodeOptions {
  readonly limits?: Limits;
  /** Files that may hold the symbols of this kernel; asked for only when the dump has them not. */
  readonly symbolFiles?: (kernel: KernelName) => Iterable<SymbolFile>;
  /** Remembers kernels from one decode to the next. */
  readonly knownKernels?: KnownKernels;
  /** Read the layout of the array from BTF even where nothing says that it has changed. */
  readonly askBtf?: boolean;
}

/** Which kernel's symbols are wanted. */
export interface KernelName {
  readonly release: string;
  readonly buildId: string | undefined;
}

/**
 * Decode one dump.
 *
 * @param sources its file, or the parts of a split dump in any order; read a few pages at a time.
 * @returns what the dump says. A kernel without the array, and a page that is not in the dump, are
 *   answers (`hwerr.kind` is `absent`), not errors.
 * @throws VmcoreError when the file is no dump, broken, or of a kind that is not read here. Whatever
 *   `source.read` throws passes through.
 */
export function decodeVmcore(
  sources: ByteSource | readonly ByteSource[],
  options: DecodeOptions = {},
): CrashReport {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const cost = noCost();
  const files: readonly ByteSource[] = 'read' in sources ? [sources] : sources;
  const counting = files.map((source) => counted(source, cost));
  const dump = openDump(counting, cost, limits);
  const kernel = identifyKernel(dump, limits);
  const { vmcoreinfo } = kernel;
  const warnings: string[] = [];
  const warn = (warning: string): void => {
    warnings.push(warning);
  };
  const counters = readCounters(kernel, { ...options, limits }, warn);
  const pagesForCounters = cost.pages;
  const panicMessage = unlessBroken(() => panicLine(kernel));
  cost.logPages = cost.pages - pagesForCounters;
  cost.pages = pagesForCounters;
  const { hwerr } = counters;
  const lost = hwerr.kind === 'absent' && hwerr.reason === 'page_lost';
  return {
    container: dump.container,
    flattened: dump.flattened,
    compression: dump.compression(),
    arch: kernel.arch.name,
    kernelRelease: vmcoreinfo.osRelease,
    buildId: vmcoreinfo.buildId ?? null,
    nodename: kernel.nodename ?? null,
    bootId: counters.bootId ?? null,
    crashTimeSeconds: vmcoreinfo.crashTimeSeconds ?? null,
    incomplete: dump.incomplete || lost,
    vmcoreinfo: kernel.foundIn,
    symbolSource: counters.symbolSource ?? null,
    layoutSource: counters.layoutSource ?? null,
    hwerr,
    panicMessage: panicMessage ?? null,
    warnings,
    vmcoreinfoText: vmcoreinfo.text,
    debug: cost,
  };
}

/**
 * Which part of which split dump a file is; undefined when it is none.
 *
 * @throws VmcoreError when it is no dump, or its header is broken.
 */
export function splitPartOf(
  source: ByteSource,
  limits: Limits = DEFAULT_LIMITS,
): SplitPart | undefined {
  return openDump([source], noCost(), limits).part;
}

function noCost(): DecodeCost {
  return { pages: 0, logPages: 0, heads: 0, reads: 0, bytesRead: 0 };
}

/** @returns undefined where the part of the dump that it takes is missing or makes no sense. */
function unlessBroken<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

/** The source, counting what is read of it. */
function counted(source: ByteSource, cost: DecodeCost): ByteSource {
  return {
    size: source.size,
    read(offset, length): Uint8Array {
      cost.reads++;
      cost.bytesRead += length;
      return source.read(offset, length);
    },
    holds: (offset, length) => source.holds(offset, length),
  };
}
