// Outcomes that wait for the next transaction.

import type { FileOutcome } from '../outcome.ts';
import type { GoneFile } from './record.ts';

/** Maximum number of outcomes per transaction, which limits how long later ones wait. */
const BATCH = 64;
const GONE_BATCH = 256;

interface PendingOutcome {
  readonly outcome: FileOutcome;
  /** The file recovered before its failure was written. */
  hasRecovered: boolean;
  readonly committed: () => void;
}

/** The content of the next transaction: outcomes, files that no longer exist, and paths that were read. */
export interface PendingBatch {
  readonly outcomes: readonly Readonly<PendingOutcome>[];
  readonly gone: readonly GoneFile[];
  readonly read: readonly string[];
}

/** Outcomes and vanished files in order, until they are committed. */
export class Pending {
  readonly #outcomes: PendingOutcome[] = [];
  /** By root and path. */
  readonly #gone = new Map<string, GoneFile>();
  readonly #read = new Set<string>();

  get outcomeCount(): number {
    return this.#outcomes.length;
  }

  get isEmpty(): boolean {
    return this.#outcomes.length === 0 && this.#gone.size === 0 && this.#read.size === 0;
  }

  /** Adds an outcome. Resolves when its batch is committed. */
  add(outcome: FileOutcome): Promise<void> {
    return new Promise((committed) => {
      this.#outcomes.push({ outcome, hasRecovered: false, committed });
      this.#read.delete(outcome.path);
    });
  }

  addGone(file: GoneFile): void {
    this.#gone.set(keyOf(file), file);
  }

  /** The file or directory was read after all outcomes of it so far. */
  addRead(path: string): void {
    this.#read.add(path);
  }

  /** The file or directory could not be read, but can be now. */
  recovered(path: string): void {
    for (const pending of this.#outcomes) pending.hasRecovered ||= pending.outcome.path === path;
  }

  /** Returns the next batch, which stays pending until done() is called with it. */
  next(): PendingBatch {
    const outcomes = this.#outcomes.slice(0, BATCH);
    const isLast = outcomes.length === this.#outcomes.length;
    return {
      outcomes,
      gone: firstOf(this.#gone.values(), GONE_BATCH),
      read: isLast ? firstOf(this.#read, GONE_BATCH) : [],
    };
  }

  /** Removes a batch that was committed. */
  done({ outcomes, gone, read }: PendingBatch): void {
    this.#outcomes.splice(0, outcomes.length);
    for (const file of gone) this.#gone.delete(keyOf(file));
    for (const path of read) this.#read.delete(path);
    for (const { committed } of outcomes) committed();
  }
}

function keyOf({ root, path }: GoneFile): string {
  return `${root}\0${path}`;
}

function firstOf<T>(items: Iterable<T>, max: number): T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length === max) break;
    first.push(item);
  }
  return first;
}
