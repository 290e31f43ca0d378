// The main thread's side of the writing thread.

import { randomUUID } from 'node:crypto';
import type { Shard } from '../shard.ts';
import { Thread } from '../thread.ts';
import { type Batch, type Change, takeOver } from './record.ts';
import { Store } from './store.ts';
import { StoreError } from './store-error.ts';
import type { Answer, Request, Task } from './write-thread.ts';

/** Writes to an existing ledger, one request at a time. */
export class Writer {
  readonly #directory: string;
  readonly #shard: Shard | undefined;
  /** Identifies this writer in the ledger. */
  readonly #owner = randomUUID();
  readonly #thread = new Thread<Request, Answer>(new URL('./write-thread.js', import.meta.url));

  /** @param shard whose hosts the ledger has; undefined: all hosts. */
  constructor(directory: string, shard?: Shard) {
    this.#directory = directory;
    this.#shard = shard;
  }

  /**
   * Becomes the writer of the ledger. Resolves when that is durable.
   *
   * @throws StoreError if the ledger cannot be written, or belongs to another shard.
   */
  async takeOver(): Promise<void> {
    await this.#ask({ kind: 'take over', shard: this.#shard });
  }

  /**
   * Like takeOver(), but on the calling thread, at a time when nothing waits for it: starting the thread
   * takes longer, and many daemons write nothing before they end.
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
   * Records a batch. Resolves when it is durable.
   *
   * @returns the change of each outcome.
   * @throws StoreError; nothing is committed then, unless the thread died.
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
