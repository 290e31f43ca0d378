// The main thread's side of the thread that writes.

import { randomUUID } from 'node:crypto';
import type { Shard } from '../shard.ts';
import { Thread } from '../thread.ts';
import { type Batch, type Change, takeOver } from './record.ts';
import { Store } from './store.ts';
import { StoreError } from './store-error.ts';
import type { Answer, Request, Task } from './write-thread.ts';

/** Writes to a ledger that is there. One request at a time. */
export class Writer {
  readonly #directory: string;
  readonly #shard: Shard | undefined;
  /** Who writes, to the ledger. */
  readonly #owner = randomUUID();
  readonly #thread = new Thread<Request, Answer>(new URL('./write-thread.js', import.meta.url));

  /** @param shard whose hosts the ledger has; undefined: it has all. */
  constructor(directory: string, shard?: Shard) {
    this.#directory = directory;
    this.#shard = shard;
  }

  /**
   * Become the one who writes. Resolves when that is durable.
   *
   * @throws StoreError when the ledger cannot be written, or is of another shard.
   */
  async takeOver(): Promise<void> {
    await this.#ask({ kind: 'take over', shard: this.#shard });
  }

  /**
   * The same in the thread that calls, for which nothing waits yet: to start one takes longer, and many a
   * daemon writes nothing before it ends.
   */
  takeOverAtOnce(): void {
    const store = Store.open(this.#directory, 'write');
    try {
      store.transaction(takeOver(this.#owner, this.#shard));
    } finally {
      store.close();
    }
  }

  /**
   * Resolves when the batch is durable.
   *
   * @returns the changes of each outcome.
   * @throws StoreError: nothing of it is in the ledger, unless the thread died.
   */
  record(batch: Batch): Promise<readonly Change[]> {
    return this.#ask({ kind: 'record', batch });
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  async #ask(task: Task): Promise<readonly Change[]> {
    const request = { directory: this.#directory, owner: this.#owner, task };
    const answer = await this.#thread.ask(request).catch((error: unknown) => {
      throw StoreError.from(this.#directory, error);
    });
    if (answer.kind === 'done') return answer.changes;
    throw new StoreError(answer.problem, answer.message);
  }
}
