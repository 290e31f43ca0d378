// How to interpret the outcome of a file that may not be completely written.

import { basename } from 'node:path';
import type { DecodeOutcome, FailureOutcome, ReportOutcome } from '../decode/decode-file.ts';
import type { Failure, FailureReason } from '../failure.ts';
import { MAGIC_BYTES } from '../vmcore/index.ts';
import { claimsToBeDump } from './file-names.ts';
import type { FoundFile } from './scan.ts';

/** Failures that a dump may have only because the rest of it is not written yet. */
const MAYBE_INCOMPLETE: ReadonlySet<FailureReason> = new Set<FailureReason>([
  'truncated',
  'corrupt',
  'no_vmcoreinfo',
  'no_kallsyms',
  'symbol_not_found',
  'page_excluded',
  'page_lost',
]);

/**
 * Returns the failure to report of a file: for an unfinished dump in which nothing can be read, `truncated`
 * instead of `not_a_dump`.
 */
export function failureOfFile({ path, isUnfinished }: FoundFile, failure: Failure): Failure {
  const isDump = isUnfinished && claimsToBeDump(basename(path));
  return isDump && failure.reason === 'not_a_dump' ? { ...failure, reason: 'truncated' } : failure;
}

/** Whether neither name nor content suggests a dump. A file shorter than any magic number cannot be one. */
export function isIgnorable({ path, size }: FoundFile, { reason }: Failure): boolean {
  return (reason === 'not_a_dump' || size < MAGIC_BYTES) && !claimsToBeDump(basename(path));
}

/** Whether the outcome suggests that the file is incomplete because its writer paused. */
export function mayStillBeWritten(outcome: ReportOutcome | FailureOutcome): boolean {
  if (outcome.kind === 'report') {
    const { hwerr, incomplete } = outcome.report;
    return incomplete || (hwerr.kind === 'unreadable' && MAYBE_INCOMPLETE.has(hwerr.reason));
  }
  return MAYBE_INCOMPLETE.has(outcome.failure.reason);
}

/** Whether the file system did not respond. */
export function isUnresponsive(outcome: DecodeOutcome): boolean {
  if (outcome.kind !== 'failure') return false;
  return outcome.failure.reason === 'timeout' || outcome.failure.reason === 'io';
}
