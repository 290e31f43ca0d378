// The interface of the decoder: bytes in, CrashReport out. Pure and synchronous; it reads only the
// source it is given, and keeps nothing between two calls except a loaded codec.

import type { ByteSource } from './bytes/source.ts';
import type { Dump } from './container/dump.ts';
import { type KcoreSource, openKcore } from './container/kcore.ts';
import { openDump } from './container/open.ts';
import type { PageHook } from './memory/physical-memory.ts';
import { crashTime } from './crash-time.ts';
import { joinParts } from './container/split.ts';
import { VmcoreError } from './errors.ts';
import {
  type AbsentLog,
  type LogFindings,
  absentLog,
  logFindings,
} from './evidence/log-findings.ts';
import { panicLine } from './evidence/panic-line.ts';
import { type CounterOptions, readCounters } from './hwerr/counters.ts';
import { CAPS, DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { Kernel } from './kernel.ts';
import { identifyKernel } from './running-kernel.ts';
import { readLog } from './printk/log.ts';
import { timesOfDay } from './printk/times-of-day.ts';
import type { CrashReport, LiveReport } from './report.ts';

export { HEAD_BYTES, MAGIC_BYTES, mayBeDump } from './container/open.ts';
export { type ByteSource, bytesSource, inRange, requireRange } from './bytes/source.ts';
export { DECODE_REASONS, type DecodeReason, VmcoreError, Corrupt, ProcessCore } from './errors.ts';
export { CATEGORIES, byCategory, metricCategory } from './hwerr/categories.ts';
export { DEFAULT_LIMITS, type Limits, limitsWithin } from './limits.ts';
export type { CrashFacts } from './evidence/crash.ts';
export { CRASH_TYPES, type CrashType } from './evidence/death.ts';
export {
  type Category,
  type HardwareEvent,
  type Part,
  SEVERITIES,
  type Severity,
  isSevere,
} from './evidence/hardware-event.ts';
export {
  type AbsentLog,
  type LogFindings,
  absentLog,
  logFindings,
} from './evidence/log-findings.ts';
export type { LogSummary } from './evidence/log-summary.ts';
export type { LoggedErrors } from './evidence/logged-errors.ts';
export { partName } from './evidence/part-name.ts';
export {
  PSTORE_HEAD_BYTES,
  type PstorePart,
  isPstore,
  joinedParts,
  panicParts,
} from './printk/pstore.ts';
export { readLogText } from './printk/text.ts';
export type { Dump, SplitPart } from './container/dump.ts';
export type { KcoreSource } from './container/kcore.ts';
export type { KernelName, SymbolFile } from './symbols/symbol-files.ts';
export type { AbsentReason, CrashReport, Hwerr, HwerrCategory, LiveReport } from './report.ts';

/** What a decode may use beside the dump itself. */
export interface DecodeOptions extends Omit<CounterOptions, 'limits'> {
  readonly limits?: Limits;
}

/**
 * Reads the headers of a file, to recognise it before it is decoded.
 *
 * @throws VmcoreError if it is not a dump, or its header is broken.
 */
export function openVmcore(
  source: ByteSource,
  limits: Limits = DEFAULT_LIMITS,
  onPage?: PageHook,
): Dump {
  return openDump(source, limits, onPage);
}

/**
 * Decodes one dump.
 *
 * @param files its file, or the parts of a split dump in any order; read a few pages at a time.
 * @returns what the dump says. Counters that it does not have, or that cannot be read, are answers
 *   (`hwerr.kind` is `absent` or `unreadable`), not errors.
 * @throws VmcoreError if the file is not a dump, has an unsupported format, or is so broken that its crash cannot
 *   be identified. Anything that `source.read` throws passes through.
 */
export function decodeVmcore(
  files: ByteSource | readonly Dump[],
  options: DecodeOptions = {},
): CrashReport {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const dump = joinParts('read' in files ? [openVmcore(files, limits)] : files);
  const kernel = identifyKernel(dump, limits);
  const { vmcoreinfo } = kernel;
  const warnings = [dump.unwritten, kernel.doubt].filter((doubt) => doubt !== undefined);
  const warn = (warning: string): void => {
    warnings.push(warning);
  };
  const counters = readCounters(kernel, { ...options, limits }, warn);
  const { hwerr } = counters;
  const lost = hwerr.kind === 'absent' && hwerr.reason === 'page_lost';
  const { lastTime, ...findings } = readFindings(kernel, dump.incomplete, limits);
  return {
    container: dump.container,
    flattened: dump.flattened,
    compression: dump.compression(),
    arch: kernel.arch.name,
    kernelRelease: vmcoreinfo.osRelease,
    buildId: vmcoreinfo.buildId ?? null,
    nodename: kernel.nodename ?? null,
    bootId: counters.bootId,
    crashTimeSeconds: crashTime(kernel, counters, lastTime, warn),
    incomplete: dump.incomplete || lost || (kernel.isCut === true && dump.part === undefined),
    vmcoreinfo: kernel.foundIn,
    symbolSource: counters.symbolSource,
    layoutSource: counters.layoutSource,
    hwerr,
    ...findings,
    warnings,
    vmcoreinfoLines: vmcoreinfo.lineSet(),
  };
}

/** The findings in the log of a dump. */
interface DumpFindings extends LogFindings {
  readonly panicMessage: CrashReport['panicMessage'];
  /** The last time of day in it, Unix seconds; 0: none. */
  readonly lastTime: number;
}

/** Reads the log once. An unreadable log is absent, which does not affect the rest of the report. */
function readFindings(
  kernel: Kernel,
  isCut: boolean,
  { logRecords: records }: Limits,
): DumpFindings {
  const absent = (reason: AbsentLog['reason']): DumpFindings => ({
    panicMessage: null,
    lastTime: 0,
    ...absentLog(reason),
  });
  try {
    const { source, ...log } = readLog(kernel, { records, bytes: CAPS.logBytes });
    if (source === 'absent') return absent('log_not_kept');
    if (log.records.length === 0 && log.unreadable > 0) {
      return absent(isCut ? 'page_lost' : 'page_excluded');
    }
    const { pageSize } = kernel.vmcoreinfo;
    const findings = logFindings({ source, ...log }, { pageSize });
    return {
      panicMessage: panicLine(log.records, findings.crash),
      lastTime: [...timesOfDay(log.records)].at(-1) ?? 0,
      ...findings,
    };
  } catch (error) {
    if (error instanceof VmcoreError) return absent(error.reason);
    throw error;
  }
}

/**
 * Reads the counters of the running kernel.
 *
 * @param source /proc/kcore.
 * @throws VmcoreError if its format is unsupported, or the running kernel cannot be identified.
 *   Anything that `source.read` throws passes through.
 */
export function readLive(source: KcoreSource, options: DecodeOptions = {}): LiveReport {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const kernel = identifyKernel(openKcore(source, limits), limits);
  // An inconsistency, odd in a dump, is normal here: the kernel may count an error during this read.
  const { hwerr, bootId } = readCounters(kernel, { ...options, limits }, () => undefined);
  return { kernelRelease: kernel.vmcoreinfo.osRelease, bootId, hwerr };
}
