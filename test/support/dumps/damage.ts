// Decoding damaged dumps: what may come of it, and what must not.

import {
  type ByteSource,
  type CrashReport,
  VmcoreError,
  bytesSource,
  decodeVmcore,
} from '../../../src/vmcore/index.ts';
import type { KnownReport } from './known-answers.ts';

/** Far more reads than any decode, walks over all names included: a loop that does not end. */
const MAX_READS = 500_000;
/** Wall time of one decode; generous, for the machine may be busy. */
const MAX_MS = 10_000;

/** What a damaged dump decodes to. @throws Error for anything but a report or a VmcoreError. */
export function decodeDamaged(bytes: Uint8Array): CrashReport | VmcoreError {
  const started = performance.now();
  const outcome = decodeOrFail(watched(bytesSource(bytes)));
  const ms = performance.now() - started;
  if (ms > MAX_MS) throw new Error(`took ${Math.round(ms)} ms`);
  return outcome;
}

function decodeOrFail(source: ByteSource): CrashReport | VmcoreError {
  try {
    return decodeVmcore(source);
  } catch (error) {
    if (error instanceof VmcoreError) return error;
    throw error;
  }
}

function watched(source: ByteSource): ByteSource {
  let reads = 0;
  return {
    ...source,
    read(offset, length): Uint8Array {
      if (++reads > MAX_READS) throw new Error(`more than ${MAX_READS} reads`);
      return source.read(offset, length);
    },
  };
}

/**
 * Whether an outcome tells an untruth: other counts than `truth`, or that there is nothing to count.
 * No answer at all is none.
 */
export function isUntrue(outcome: CrashReport | VmcoreError, truth: KnownReport): boolean {
  if (outcome instanceof VmcoreError) return false;
  const { hwerr } = outcome;
  const claims = hwerr.kind === 'present' || hwerr.reason === 'kernel_without_hwerr';
  return claims && JSON.stringify(hwerr) !== JSON.stringify(truth.hwerr);
}

/** One line for a list of what went wrong. */
export function describeOutcome(outcome: CrashReport | VmcoreError): string {
  if (outcome instanceof VmcoreError) return `${outcome.reason}: ${outcome.message}`;
  const { hwerr, crashTimeSeconds, bootId, nodename, kernelRelease, warnings } = outcome;
  return JSON.stringify({ hwerr, crashTimeSeconds, bootId, nodename, kernelRelease, warnings });
}
