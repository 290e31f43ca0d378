// Number of file contents without counters, by reason; each content counts once since the ledger was created.

import type { FailureReason } from '../failure.ts';
import { type Work, rows } from './statements.ts';

/** By reason. `kernel_without_hwerr` is not a failure, but counted with them. */
export type FailureTotals = ReadonlyMap<string, number>;

/** Reads the totals from a ledger. */
export function* readFailureTotals(): Work<Map<string, number>> {
  const found = yield* rows('SELECT reason, count FROM failure_total');
  return new Map(found.map(({ reason, count }) => [String(reason), Number(count)]));
}

/** Returns the failures, without dumps of kernels that have no counters. */
export function failuresOf(
  totals: FailureTotals,
): Readonly<Partial<Record<FailureReason, number>>> {
  const { kernel_without_hwerr: _, ...failures } = Object.fromEntries(totals);
  return failures;
}

/** Returns the number of dumps of kernels that have no counters. */
export function dumpsWithoutHwerrOf(totals: FailureTotals): number {
  return totals.get('kernel_without_hwerr') ?? 0;
}
