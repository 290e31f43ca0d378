// When a file was last counted as a failure, by reason and by the host that its path names: what
// alerts go by. Kept in the ledger, for a restart is no news.

import { FAILURE_REASONS, type FailureReason } from '../failure.ts';
import type { LastFailure } from './ledger-view.ts';
import { type Work, rows } from './statements.ts';

/** Paths name hosts, and anybody may make them up: the newest so many are kept. */
const MAX_HOSTS = 1000;

/** The last failures, the newest of a host and reason last. */
export class LastFailures {
  readonly #byKey = new Map<string, LastFailure>(
    FAILURE_REASONS.map((reason) => [
      keyOf(reason, undefined),
      { reason, host: undefined, recordedSeconds: 0 },
    ]),
  );

  record(failure: LastFailure): void {
    const { reason, host } = failure;
    const key = keyOf(reason, host);
    if (host === undefined) {
      this.#byKey.set(key, failure);
      return;
    }
    this.#byKey.delete(key);
    this.#byKey.set(key, failure);
    if (this.#byKey.size > FAILURE_REASONS.length + MAX_HOSTS) this.#forgetOldest();
  }

  values(): readonly LastFailure[] {
    return [...this.#byKey.values()];
  }

  /** The first that has a host: those without were here before. */
  #forgetOldest(): void {
    for (const [key, { host }] of this.#byKey) {
      if (host === undefined) continue;
      this.#byKey.delete(key);
      return;
    }
  }
}

function keyOf(reason: FailureReason, host: string | undefined): string {
  return `${reason} ${host ?? ''}`;
}

/** The last failures that a ledger has. */
export function* readLastFailures(): Work<LastFailures> {
  const failures = new LastFailures();
  const found = yield* rows(
    `SELECT * FROM (
       SELECT reason, host, max(recorded_seconds) AS recorded_seconds FROM failure
         GROUP BY reason, host ORDER BY recorded_seconds DESC LIMIT ?) AS last
     ORDER BY recorded_seconds`,
    [FAILURE_REASONS.length + MAX_HOSTS],
  );
  for (const { reason, host, recorded_seconds: recordedSeconds } of found) {
    if (!isFailureReason(reason)) continue;
    failures.record({
      reason,
      host: typeof host === 'string' ? host : undefined,
      recordedSeconds: Number(recordedSeconds),
    });
  }
  return failures;
}

function isFailureReason(value: unknown): value is FailureReason {
  return FAILURE_REASONS.some((reason) => reason === value);
}
