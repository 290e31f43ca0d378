// The queue of files to decode. Collectors that share a ledger claim files in batches, so that each file is
// decoded by one of them.

import type { FoundFile } from './scan.ts';
import type { Settling } from './settling.ts';

/** Minimum batch size, which also limits how long a new file waits behind older ones. */
const BATCH = 16;
/** Delay before files that another collector decodes, or that cannot be claimed now, are tried again. */
const RETRY_MS = 10_000;

/** Distributes files among collectors that share a ledger. */
export interface Claims {
  /** Answers for each file: claimed (`ours`), claimed by another collector (`taken`), or its result. */
  take(
    files: readonly FoundFile[],
  ): Promise<readonly ('ours' | 'taken' | 'complete' | 'incomplete')[]>;
  /** Releases the claims on files that were decoded or will not be. */
  giveBack(files: readonly FoundFile[]): Promise<void>;
}

/** The source of files, and callbacks for those that are not decoded here. */
export interface QueueDependencies {
  readonly settling: Settling;
  /** undefined: all files are decoded here. */
  readonly claims: Claims | undefined;
  readonly monotonicMs: () => number;
  /** Called with files that another collector decoded. */
  readonly known: (files: readonly FoundFile[]) => void;
  /** Called with roots of which files will be due again. */
  readonly postponed: (roots: Iterable<string>) => void;
}

/** The files that are due, a batch at a time. */
export class DecodeQueue {
  readonly #dependencies: QueueDependencies;
  #files: FoundFile[] = [];
  #claiming: Promise<void> | undefined;
  #isClosed = false;

  constructor(dependencies: QueueDependencies) {
    this.#dependencies = dependencies;
  }

  get length(): number {
    return this.#files.length;
  }

  /** Resolves when the current claim is answered; undefined if there is none. */
  get claiming(): Promise<void> | undefined {
    return this.#claiming;
  }

  /** Whether files are due. If so, some of them are now in the queue or being claimed. */
  hasDue(): boolean {
    if (this.#isClosed) return false;
    if (this.#files.length > 0 || this.#claiming !== undefined) return true;
    const { settling, claims, monotonicMs } = this.#dependencies;
    const due = settling.takeReady(monotonicMs(), BATCH);
    if (due.length === 0) return false;
    if (claims === undefined) this.#files = due;
    else this.#claiming = this.#claim(claims, due);
    return true;
  }

  /** Removes and returns the first file; undefined if none is in the queue. */
  shift(): FoundFile | undefined {
    return this.#files.shift();
  }

  /** Makes the files in the queue due again, at once. */
  putBack(): void {
    const { settling, monotonicMs } = this.#dependencies;
    settling.postpone(this.#files, monotonicMs(), 0);
    this.release(this.#files);
    this.#files = [];
  }

  /** Releases the claims on files that were decoded or will not be. */
  release(files: readonly FoundFile[]): void {
    void this.#dependencies.claims?.giveBack(files);
  }

  /** Empties the queue for good. */
  close(): void {
    this.#files = [];
    this.#isClosed = true;
  }

  async #claim(claims: Claims, due: readonly FoundFile[]): Promise<void> {
    const { settling, monotonicMs, known, postponed } = this.#dependencies;
    // If they cannot be claimed they wait, because their results could not be recorded either.
    const answers = await claims.take(due).catch(() => []);
    const answered: FoundFile[] = [];
    const taken: FoundFile[] = [];
    for (const [i, file] of due.entries()) {
      const answer = answers[i] ?? 'taken';
      if (answer === 'ours') this.#files.push(file);
      else if (answer === 'taken') taken.push(file);
      else {
        settling.done(file, answer);
        answered.push(file);
      }
    }
    this.#claiming = undefined;
    known(answered);
    if (taken.length === 0) return;
    settling.postpone(taken, monotonicMs(), RETRY_MS);
    postponed(new Set(taken.map(({ root }) => root)));
  }
}
