// The time of the last failure, by reason and by the host in the path; alerts use it. Stored in the ledger,
// so that a restart does not trigger alerts.

import { FAILURE_REASONS, type FailureReason } from '../failure.ts';
import type { LastFailure } from './ledger-view.ts';
import { type Work, rows } from './statements.ts';

/** Hosts in paths may be invented, so only this many, the newest, are kept. */
const MAX_HOSTS = 1000;

/** The last failures, in the order of recording. */
export class LastFailures {
  readonly #byKey = new Map<string, LastFailure>(
    FAILURE_REASONS.map((reason) => [
      keyOf(reason, undefined),
      { reason, host: undefined, recordedSeconds: 0 },
    ]),
  );

  /** Records a failure, in place of an earlier one with the same reason and host. */
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

  /** Removes the oldest entry with a host; those without a host are permanent. */
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

/** Reads the last failures from a ledger. */
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
