// The newest files without counters, to show to people; neither counted here nor stored.

import type { Failure } from '../failure.ts';

/** Maximum number of failures shown. */
const MAX_FAILURES = 100;

/** A file without counters, and the time of its failure, Unix seconds. */
export interface RecordedFailure extends Failure {
  readonly path: string;
  /** The host in the path; undefined if there is none. */
  readonly host?: string;
  readonly recordedSeconds: number;
}

/** The last failure of each path, up to MAX_FAILURES. */
export class RecentFailures {
  readonly #byPath = new Map<string, RecordedFailure>();

  /** Returns the failures, oldest first. */
  values(): Iterable<RecordedFailure> {
    return this.#byPath.values();
  }

  /** @param failure the latest result of the file; undefined if it is not a failure. */
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

  /** Removes a path that can be read again. */
  recovered(path: string): void {
    this.#byPath.delete(path);
  }
}
