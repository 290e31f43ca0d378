// The main thread's side of the thread that writes.

import { Worker } from 'node:worker_threads';
import type { Batch, Change } from './record.ts';
import { StoreError } from './store-error.ts';
import type { Answer, Request } from './write-thread.ts';

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Writes to a ledger that is there. One request at a time. */
export class Writer {
  readonly #directory: string;
  #thread: Worker | undefined;
  #waiting: Waiting | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Make `owner` the one who writes. Resolves when that is durable.
   *
   * @throws StoreError when the ledger cannot be written.
   */
  async takeOver(owner: string): Promise<void> {
    await this.#ask({ kind: 'take over', owner });
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
    return new Promise((resolve) => {
      if (this.#thread === undefined) resolve();
      else this.#thread.once('exit', resolve).postMessage('close');
    });
  }

  async #ask(request: Request): Promise<readonly Change[]> {
    const answer = await this.#send(request).catch((error: unknown) => {
      throw StoreError.from(this.#directory, error);
    });
    if (answer.kind === 'done') return answer.changes;
    throw new StoreError(answer.problem, answer.message);
  }

  #send(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#thread ??= this.#start();
      this.#thread.postMessage(request);
    });
  }

  #start(): Worker {
    const thread = new Worker(new URL('./write-thread.js', import.meta.url), {
      workerData: this.#directory,
    });
    thread.on('message', (answer: Answer) => this.#waiting?.resolve(answer));
    thread.on('error', (error: Error) => this.#waiting?.reject(error));
    return thread.on('exit', () => {
      this.#thread = undefined;
      this.#waiting?.reject(new Error('the thread that writes the ledger ended'));
    });
  }
}
