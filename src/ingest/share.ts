// Selects the files that this collector counts, if several collectors with separate ledgers see them all.

import type { FailureOutcome, ReportOutcome } from '../decode/decode-file.ts';
import { isTransient } from '../failure.ts';

/** The files of the hosts in this collector's shard; a file without a host name belongs to exactly one shard. */
export interface Share {
  /** Whether a file may be in the shard, by its path. */
  mayHave(path: string): boolean;
  /** Whether a file is in the shard, by the host name in the dump; null: the dump has none. */
  has(path: string, nodename: string | null): boolean;
}

/**
 * Whether another collector counts this outcome. Transient failures are always counted here, because another
 * collector may be able to read the file.
 */
export function isCountedElsewhere(
  share: Share | undefined,
  path: string,
  outcome: ReportOutcome | FailureOutcome,
): boolean {
  if (share === undefined) return false;
  if (outcome.kind === 'report') return !share.has(path, outcome.report.nodename);
  return !isTransient(outcome.failure.reason) && !share.has(path, null);
}
