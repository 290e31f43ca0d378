// The one door of the decoder: bytes in, CrashReport out. Pure and synchronous; it reads nothing but
// the source it is given, and keeps nothing between two calls.

import type { ByteSource } from './bytes/source.ts';
import { openDump } from './container/open.ts';
import type { DecodeCost } from './container/physical-memory.ts';
import { PageMissing, VmcoreError } from './errors.ts';
import { readBootId } from './hwerr/boot-id.ts';
import { readHwerr } from './hwerr/hwerr.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { type Kernel, identifyKernel } from './paging/kernel.ts';
import type { CrashReport, Hwerr } from './report.ts';
import { Kallsyms } from './symbols/kallsyms.ts';

export { type ByteSource, bytesSource, inRange, requireRange } from './bytes/source.ts';
export { DECODE_REASONS, type DecodeReason, VmcoreError, Corrupt } from './errors.ts';
export { CATEGORIES, type Category } from './hwerr/categories.ts';
export type { AbsentReason, CrashReport, Hwerr, HwerrCategory } from './report.ts';

/**
 * Decode one dump.
 *
 * @param source the file; read a few pages at a time.
 * @returns what the dump says. A kernel without the array, and a page that is not in the dump, are
 *   answers (`hwerr.kind` is `absent`), not errors.
 * @throws VmcoreError when the file is no dump, broken, or of a kind that is not read here. Whatever
 *   `source.read` throws passes through.
 */
export function decodeVmcore(source: ByteSource, limits: Limits = DEFAULT_LIMITS): CrashReport {
  const cost: DecodeCost = { pages: 0, reads: 0, bytesRead: 0 };
  const dump = openDump(counted(source, cost), cost, limits);
  const kernel = identifyKernel(dump, limits);
  const { vmcoreinfo } = kernel;
  const warnings: string[] = [];
  const { hwerr, bootId } = readCounters(kernel, limits, warnings);
  const present = hwerr.kind === 'present';
  const lost = hwerr.kind === 'absent' && hwerr.reason === 'page_lost';
  return {
    container: dump.container,
    flattened: dump.flattened,
    compression: dump.compression(),
    arch: kernel.arch.name,
    kernelRelease: vmcoreinfo.osRelease,
    buildId: vmcoreinfo.buildId ?? null,
    nodename: kernel.nodename ?? null,
    bootId: bootId ?? null,
    crashTimeSeconds: vmcoreinfo.crashTimeSeconds ?? null,
    incomplete: dump.incomplete || lost,
    vmcoreinfo: kernel.foundIn,
    symbolSource: present ? 'kallsyms' : null,
    layoutSource: present ? 'builtin' : null,
    hwerr,
    panicMessage: null,
    warnings,
    vmcoreinfoText: vmcoreinfo.text,
    debug: cost,
  };
}

/** A page that is not in the dump becomes the answer; anything worse is thrown. */
function readCounters(
  kernel: Kernel,
  limits: Limits,
  warnings: string[],
): { hwerr: Hwerr; bootId: string | undefined } {
  try {
    const kallsyms = Kallsyms.open(kernel.vmcoreinfo, kernel.memory, limits);
    const hwerr = absentWhenMissing(() =>
      readHwerr(kernel, kallsyms, (warning) => warnings.push(warning)),
    );
    return { hwerr, bootId: unlessBroken(() => readBootId(kernel, kallsyms), warnings) };
  } catch (error) {
    if (!(error instanceof PageMissing)) throw error;
    return { hwerr: { kind: 'absent', reason: error.reason }, bootId: undefined };
  }
}

function absentWhenMissing(read: () => Hwerr): Hwerr {
  try {
    return read();
  } catch (error) {
    if (error instanceof PageMissing) return { kind: 'absent', reason: error.reason };
    throw error;
  }
}

function unlessBroken<T>(read: () => T, warnings: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    warnings.push(`boot id: ${error.message}`);
    return undefined;
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
