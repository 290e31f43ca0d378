// The newest files that gave no counters: for people to see, not counted here, and not kept on disk.

import type { Failure } from '../failure.ts';

/** Failures to show: the newest so many. */
const MAX_FAILURES = 100;

/** A file that gave no counters, and when that became known, Unix seconds. */
export interface RecordedFailure extends Failure {
  readonly path: string;
  /** The host that the path names; undefined where it names none. */
  readonly host?: string;
  readonly recordedSeconds: number;
}

/** The last failure of each path, of the newest so many paths. */
export class RecentFailures {
  readonly #byPath = new Map<string, RecordedFailure>();

  /** Oldest first. */
  values(): Iterable<RecordedFailure> {
    return this.#byPath.values();
  }

  /** @param failure what came of the file now; undefined: no failure. */
  record(
    path: string,
    failure: Omit<RecordedFailure, 'path' | 'recordedSeconds'> | undefined,
    recordedSeconds: number,
  ): void {
    this.#byPath.delete(path);
    if (failure === undefined) return;
    this.#byPath.set(path, { ...failure, path, recordedSeconds });
    const [oldest] = this.#byPath.keys();
    if (this.#byPath.size > MAX_FAILURES && oldest !== undefined) this.#byPath.delete(oldest);
  }

  recovered(path: string): void {
    this.#byPath.delete(path);
  }
}
