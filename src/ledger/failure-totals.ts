// How many contents gave no counters, by reason: each content once, since the ledger began.

import type { FailureReason } from '../failure.ts';
import { type Work, rows } from './statements.ts';

/** By reason; `kernel_without_hwerr` is no failure, and counted beside them. */
export type FailureTotals = ReadonlyMap<string, number>;

/** The totals that a ledger has. */
export function* readFailureTotals(): Work<Map<string, number>> {
  const found = yield* rows('SELECT reason, count FROM failure_total');
  return new Map(found.map(({ reason, count }) => [String(reason), Number(count)]));
}

/** Those that should have given counters. */
export function failuresOf(
  totals: FailureTotals,
): Readonly<Partial<Record<FailureReason, number>>> {
  const { kernel_without_hwerr: _, ...failures } = Object.fromEntries(totals);
  return failures;
}

/** Dumps of kernels that do not count. */
export function dumpsWithoutHwerrOf(totals: FailureTotals): number {
  return totals.get('kernel_without_hwerr') ?? 0;
}
