// What an answer means for a file that its writer may not have finished.

import { basename } from 'node:path';
import type { DecodeOutcome, FailureOutcome, ReportOutcome } from '../decode/decode-file.ts';
import type { Failure, FailureReason } from '../failure.ts';
import { MAGIC_BYTES } from '../vmcore/index.ts';
import { claimsToBeDump } from './file-names.ts';
import type { FoundFile } from './scan.ts';

/** What may be wrong with a dump only because the rest of it is not written yet. */
const MAYBE_INCOMPLETE: ReadonlySet<FailureReason> = new Set<FailureReason>([
  'truncated',
  'corrupt',
  'no_vmcoreinfo',
  'no_kallsyms',
  'symbol_not_found',
  'page_excluded',
  'page_lost',
]);

/** The file need not change for these to go away: it is tried again, each time after a longer wait. */
const PASSING: ReadonlySet<FailureReason> = new Set<FailureReason>(['permission', 'io', 'timeout']);

/** Whether the file may give another answer though it does not change. */
export function mayPass(reason: FailureReason): boolean {
  return PASSING.has(reason);
}

/**
 * The failure to report of a file: an unfinished dump in which nothing can be read is `truncated`, not
 * `not_a_dump`.
 */
export function failureOfFile({ path, isUnfinished }: FoundFile, failure: Failure): Failure {
  const isDump = isUnfinished && claimsToBeDump(basename(path));
  return isDump && failure.reason === 'not_a_dump' ? { ...failure, reason: 'truncated' } : failure;
}

/** Whether neither the name nor what is in it makes the file a dump: shorter than any magic, nothing is. */
export function isNobodys({ path, size }: FoundFile, { reason }: Failure): boolean {
  return (reason === 'not_a_dump' || size < MAGIC_BYTES) && !claimsToBeDump(basename(path));
}

/** Whether the file looks like one whose writer paused in the middle. */
export function mayStillBeWritten(outcome: ReportOutcome | FailureOutcome): boolean {
  if (outcome.kind === 'report') {
    const { hwerr, incomplete } = outcome.report;
    return incomplete || (hwerr.kind === 'unreadable' && MAYBE_INCOMPLETE.has(hwerr.reason));
  }
  return MAYBE_INCOMPLETE.has(outcome.failure.reason);
}

/** Whether the file system did not answer. */
export function isSilence(outcome: DecodeOutcome): boolean {
  if (outcome.kind !== 'failure') return false;
  return outcome.failure.reason === 'timeout' || outcome.failure.reason === 'io';
}
