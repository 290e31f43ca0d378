// The one door of the decoder: bytes in, CrashReport out. Pure and synchronous; it reads nothing but
// the source it is given, and keeps nothing between two calls but, once loaded, a codec.

import type { ByteSource } from './bytes/source.ts';
import type { Dump } from './container/dump.ts';
import { type KcoreSource, openKcore } from './container/kcore.ts';
import { openDump } from './container/open.ts';
import type { DecodeCost } from './memory/physical-memory.ts';
import { joinParts } from './container/split.ts';
import { VmcoreError } from './errors.ts';
import { type CounterOptions, readCounters } from './hwerr/counters.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { type Kernel, identifyKernel } from './kernel.ts';
import { panicLine } from './printk/panic-line.ts';
import type { CrashReport, LiveReport } from './report.ts';

export { HEAD_BYTES, MAGIC_BYTES, mayBeDump } from './container/open.ts';
export { type ByteSource, bytesSource, inRange, requireRange } from './bytes/source.ts';
export { DECODE_REASONS, type DecodeReason, VmcoreError, Corrupt } from './errors.ts';
export { CATEGORIES, metricCategory } from './hwerr/categories.ts';
export { KnownKernels } from './hwerr/known-kernels.ts';
export { DEFAULT_LIMITS, type Limits, limitsWithin } from './limits.ts';
export { type Evidence, findEvidence } from './evidence/evidence.ts';
export type { HardwareEvent, Part } from './evidence/hardware-event.ts';
export { type LogSummary, logSummary } from './evidence/log-summary.ts';
export { readLogText } from './printk/text.ts';
export type { SplitPart } from './container/dump.ts';
export type { KcoreSource } from './container/kcore.ts';
export type { KernelName, SymbolFile } from './symbols/symbol-files.ts';
export type { AbsentReason, CrashReport, Hwerr, HwerrCategory, LiveReport } from './report.ts';

/** What a decode may use beside the dump itself. */
export interface DecodeOptions extends Omit<CounterOptions, 'limits'> {
  readonly limits?: Limits;
}

/** A file whose headers were read, to see what it is before it is decoded. */
export interface Vmcore {
  readonly dump: Dump;
  /** What was read of it so far. */
  readonly cost: DecodeCost;
}

/** @throws VmcoreError when it is no dump, or its header is broken. */
export function openVmcore(source: ByteSource, limits: Limits = DEFAULT_LIMITS): Vmcore {
  const cost = { pages: 0, heads: 0, reads: 0, bytesRead: 0 };
  return { dump: openDump(counted(source, cost), cost, limits), cost };
}

/**
 * Decode one dump.
 *
 * @param files its file, or the parts of a split dump in any order; read a few pages at a time.
 * @returns what the dump says. A kernel without the array, and a page that is not in the dump, are
 *   answers (`hwerr.kind` is `absent`), not errors.
 * @throws VmcoreError when the file is no dump, broken, or of a kind that is not read here. Whatever
 *   `source.read` throws passes through.
 */
export function decodeVmcore(
  files: ByteSource | readonly Vmcore[],
  options: DecodeOptions = {},
): CrashReport {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const vmcores = 'read' in files ? [openVmcore(files, limits)] : files;
  const dump = joinParts(vmcores.map((vmcore) => vmcore.dump));
  const kernel = identifyKernel(dump, limits);
  const warnings: string[] = [];
  const warn = (warning: string): void => {
    warnings.push(warning);
  };
  const counters = readCounters(kernel, { ...options, limits }, warn);
  const { hwerr } = counters;
  const lost = hwerr.kind === 'absent' && hwerr.reason === 'page_lost';
  const { panicMessage, vmcoreinfoText, debug, ...crash } = identified(vmcores, dump, kernel);
  return {
    ...crash,
    bootId: counters.bootId ?? null,
    incomplete: crash.incomplete || lost,
    symbolSource: counters.symbolSource ?? null,
    layoutSource: counters.layoutSource ?? null,
    hwerr,
    panicMessage,
    warnings,
    vmcoreinfoText,
    debug,
  };
}

/**
 * Read the counters of the running kernel.
 *
 * @param source /proc/kcore.
 * @throws VmcoreError when it does not hold together, or is of a kind that is not read here. Whatever
 *   `source.read` throws passes through.
 */
export function readLive(source: KcoreSource, options: DecodeOptions = {}): LiveReport {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const kernel = identifyKernel(openKcore(source, limits), limits);
  // What is odd in a dump is a moment's state here: an error may be counted while this is read.
  const { hwerr, bootId } = readCounters(kernel, { ...options, limits }, () => undefined);
  return { kernelRelease: kernel.vmcoreinfo.osRelease, bootId: bootId ?? null, hwerr };
}

/** What a dump says of its crash, without what is read along with its counters. */
export type IdentifiedCrash = Omit<CrashReport, 'hwerr' | 'warnings'>;

/**
 * Tell of which crash a dump is, for one whose counters decodeVmcore() could not read.
 *
 * @throws VmcoreError when not even that can be told.
 */
export function identifyCrash(
  vmcores: readonly Vmcore[],
  limits: Limits = DEFAULT_LIMITS,
): IdentifiedCrash {
  const dump = joinParts(vmcores.map((vmcore) => vmcore.dump));
  return identified(vmcores, dump, identifyKernel(dump, limits));
}

function identified(vmcores: readonly Vmcore[], dump: Dump, kernel: Kernel): IdentifiedCrash {
  const { vmcoreinfo } = kernel;
  const { pages } = totalCost(vmcores);
  const panicMessage = unlessBroken(() => panicLine(kernel));
  const cost = totalCost(vmcores);
  return {
    container: dump.container,
    flattened: dump.flattened,
    compression: dump.compression(),
    arch: kernel.arch.name,
    kernelRelease: vmcoreinfo.osRelease,
    buildId: vmcoreinfo.buildId ?? null,
    nodename: kernel.nodename ?? null,
    bootId: null,
    crashTimeSeconds: vmcoreinfo.crashTimeSeconds ?? null,
    incomplete: dump.incomplete,
    vmcoreinfo: kernel.foundIn,
    symbolSource: null,
    layoutSource: null,
    panicMessage: panicMessage ?? null,
    vmcoreinfoText: vmcoreinfo.text,
    debug: { ...cost, pages, logPages: cost.pages - pages },
  };
}

function totalCost(vmcores: readonly Vmcore[]): DecodeCost {
  const sum = (field: keyof DecodeCost): number =>
    vmcores.reduce((total, { cost }) => total + cost[field], 0);
  return {
    pages: sum('pages'),
    heads: sum('heads'),
    reads: sum('reads'),
    bytesRead: sum('bytesRead'),
  };
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
