// Which files are counted here, of those that several collectors with ledgers of their own see.

import type { FailureOutcome, ReportOutcome } from '../decode/decode-file.ts';
import { mayPass } from './unfinished.ts';

/** The files of the hosts that fall to this collector; a file that names no host is one collector's. */
export interface Share {
  /** Whether a file may be one of them, by its path. */
  mayHave(path: string): boolean;
  /** Whether it is, by what the dump says of its host; null: it does not say. */
  has(path: string, nodename: string | null): boolean;
}

/**
 * Whether another collector counts what came of a file. What may pass is not left to another one, which may
 * well be able to read the file.
 */
export function isElsewhere(
  share: Share | undefined,
  path: string,
  outcome: ReportOutcome | FailureOutcome,
): boolean {
  if (share === undefined) return false;
  if (outcome.kind === 'report') return !share.has(path, outcome.report.nodename);
  return !mayPass(outcome.failure.reason) && !share.has(path, null);
}
