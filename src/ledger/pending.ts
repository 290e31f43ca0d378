// What waits for the next transaction.

import type { FileOutcome } from '../outcome.ts';

/** In one transaction, so many outcomes and files gone: both fit into the room that is made for it. */
const BATCH = 16;
const GONE_BATCH = 256;

interface PendingOutcome {
  readonly outcome: FileOutcome;
  /** What was wrong with the file is over already. */
  hasHealed: boolean;
  readonly committed: () => void;
}

export interface PendingBatch {
  readonly outcomes: readonly Readonly<PendingOutcome>[];
  readonly gone: readonly string[];
}

export class Pending {
  readonly #outcomes: PendingOutcome[] = [];
  /** Keys of files that are not there any more. */
  readonly #gone = new Set<string>();

  get outcomeCount(): number {
    return this.#outcomes.length;
  }

  get isEmpty(): boolean {
    return this.#outcomes.length === 0 && this.#gone.size === 0;
  }

  /** Resolves when its batch is `done`. */
  add(outcome: FileOutcome): Promise<void> {
    return new Promise((committed) => {
      this.#outcomes.push({ outcome, hasHealed: false, committed });
    });
  }

  addGone(key: string): void {
    this.#gone.add(key);
  }

  /** The file, or directory, could not be read and can be now. */
  healed(path: string): void {
    for (const pending of this.#outcomes) pending.hasHealed ||= pending.outcome.path === path;
  }

  /** What is to go into one transaction; it stays pending until it is `done`. */
  next(): PendingBatch {
    return { outcomes: this.#outcomes.slice(0, BATCH), gone: firstOf(this.#gone, GONE_BATCH) };
  }

  /** The batch that was next is committed. */
  done({ outcomes, gone }: PendingBatch): void {
    this.#outcomes.splice(0, outcomes.length);
    for (const key of gone) this.#gone.delete(key);
    for (const { committed } of outcomes) committed();
  }
}

function firstOf<T>(items: Iterable<T>, most: number): T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length === most) break;
    first.push(item);
  }
  return first;
}
