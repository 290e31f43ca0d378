// Files whose turn it is to be decoded here. Where collectors share a ledger, those that none of the others
// decodes, or decoded: they are claimed, a queue at a time.

import type { FoundFile } from './scan.ts';
import type { Settling } from './settling.ts';

/** Files taken to be decoded at a time, at least: one that comes later waits for no more than these. */
const BATCH = 16;
/** Files that another collector decodes, or that cannot be claimed now, are asked about again after this. */
const TAKEN_MS = 10_000;

/** How collectors that share a ledger share files: `ours`, `taken` by another, or what became of it. */
export interface Claims {
  take(
    files: readonly FoundFile[],
  ): Promise<readonly ('ours' | 'taken' | 'complete' | 'incomplete')[]>;
  /** They are decoded, or are not going to be. */
  giveBack(files: readonly FoundFile[]): Promise<void>;
}

/** Where files come from, and who is told of those that are not decoded here. */
export interface QueueDependencies {
  readonly settling: Settling;
  /** undefined: all files are to be decoded here. */
  readonly claims: Claims | undefined;
  readonly monotonicMs: () => number;
  /** Another collector decoded these. */
  readonly known: (files: readonly FoundFile[]) => void;
  /** Files of these roots will be due again. */
  readonly postponed: (roots: Iterable<string>) => void;
}

/** Files that are due, a few at a time. */
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

  /** Resolves when those that are being claimed are in it, or are not; undefined: none are. */
  get claiming(): Promise<void> | undefined {
    return this.#claiming;
  }

  /** Whether files are due: some are in it then, or being claimed. */
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

  shift(): FoundFile | undefined {
    return this.#files.shift();
  }

  /** Those that are in it are due again, at once. */
  putBack(): void {
    const { settling, monotonicMs } = this.#dependencies;
    settling.postpone(this.#files, monotonicMs(), 0);
    this.release(this.#files);
    this.#files = [];
  }

  /** They are decoded, or are not going to be. */
  release(files: readonly FoundFile[]): void {
    void this.#dependencies.claims?.giveBack(files);
  }

  /** Nothing is due from now on. */
  close(): void {
    this.#files = [];
    this.#isClosed = true;
  }

  async #claim(claims: Claims, due: readonly FoundFile[]): Promise<void> {
    const { settling, monotonicMs, known, postponed } = this.#dependencies;
    // While they cannot be claimed they wait: whoever decoded them could not record them either.
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
    settling.postpone(taken, monotonicMs(), TAKEN_MS);
    postponed(new Set(taken.map(({ root }) => root)));
  }
}
