// The main thread's side of the thread that writes.

import { Worker } from 'node:worker_threads';
import { StoreError } from './store-error.ts';
import type { Batch, Committed } from './tables.ts';
import type { Answer } from './write-thread.ts';

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Writes to a ledger that the main thread has open already, and keeps open for as long. */
export class Writer {
  readonly #directory: string;
  #thread: Worker | undefined;
  #waiting: Waiting | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Resolves when the batch is durable. One at a time.
   *
   * @throws StoreError: nothing of it is in the ledger, unless the thread died.
   */
  async commit(batch: Batch): Promise<Committed> {
    const answer = await this.#ask(batch).catch((error: unknown) => {
      throw StoreError.from(this.#directory, error);
    });
    if (answer.kind === 'committed') return answer.committed;
    throw new StoreError(answer.problem, answer.message);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#thread === undefined) resolve();
      else this.#thread.once('exit', resolve).postMessage('close');
    });
  }

  #ask(batch: Batch): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#thread ??= this.#start();
      this.#thread.postMessage(batch);
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
