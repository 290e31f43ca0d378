// The main thread's side of the thread that writes.

import { Thread } from '../thread.ts';
import type { Batch, Change } from './record.ts';
import { StoreError } from './store-error.ts';
import type { Answer, Request } from './write-thread.ts';

/** Writes to a ledger that is there. One request at a time. */
export class Writer {
  readonly #directory: string;
  readonly #thread = new Thread<Request, Answer>(new URL('./write-thread.js', import.meta.url));

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Make `owner` the one who writes. Resolves when that is durable.
   *
   * @throws StoreError when the ledger cannot be written.
   */
  async takeOver(owner: string): Promise<void> {
    await this.#ask({ directory: this.#directory, kind: 'take over', owner });
  }

  /**
   * Resolves when the batch is durable.
   *
   * @returns the changes of each outcome.
   * @throws StoreError: nothing of it is in the ledger, unless the thread died.
   */
  record(batch: Batch): Promise<readonly Change[]> {
    return this.#ask({ directory: this.#directory, kind: 'record', batch });
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  async #ask(request: Request): Promise<readonly Change[]> {
    const answer = await this.#thread.ask(request).catch((error: unknown) => {
      throw StoreError.from(this.#directory, error);
    });
    if (answer.kind === 'done') return answer.changes;
    throw new StoreError(answer.problem, answer.message);
  }
}
