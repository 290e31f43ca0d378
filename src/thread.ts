// A thread that answers requests, one at a time. It starts with the first one, ends when none came for a
// while, and is replaced when it died. What takes long is done in one: to decode, to wait for a disk, to
// compare a password.

import { Worker, parentPort } from 'node:worker_threads';
import { messageOf } from './failure.ts';

/** How long a thread stays with nothing to do. */
const IDLE_MS = 30_000;
/** In place of a request: there will be no more. */
const END = null;

/** The system lets no thread start, for now: too many tasks, or too little memory. */
export class ThreadNotStarted extends Error {}

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The side that asks. */
export class Thread<Request, Answer> {
  readonly #entry: URL;
  readonly #maxHeapBytes: number | undefined;
  #worker: Worker | undefined;
  #waiting: Waiting<Answer> | undefined;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param entry the module that calls answerRequests().
   * @param maxHeapBytes of its JavaScript heap; undefined: as much as Node allows.
   */
  constructor(entry: URL, maxHeapBytes?: number) {
    this.#entry = entry;
    this.#maxHeapBytes = maxHeapBytes;
  }

  /**
   * Not to be called again before it has resolved or rejected.
   *
   * @throws ThreadNotStarted; any other Error when the thread died, or was stopped.
   */
  ask(request: Request): Promise<Answer> {
    clearTimeout(this.#idle);
    return new Promise((resolve, reject) => {
      this.#worker ??= this.#start();
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  /**
   * Ends the thread, whatever it does: what was asked for is rejected at once. Resolves when it has
   * ended, which it does not while a system call hangs in it. The next request starts another.
   */
  async stop(): Promise<void> {
    await this.#lose(new Error('the thread was stopped'))?.terminate();
  }

  /** Lets the thread end by itself. Resolves when it has. */
  close(): Promise<void> {
    const worker = this.#lose(new Error('the thread was closed'));
    return new Promise((resolve) => {
      if (worker === undefined) resolve();
      else worker.once('exit', resolve).postMessage(END);
    });
  }

  #start(): Worker {
    const worker = this.#newWorker();
    worker.on('message', (answer: Answer) => {
      if (worker !== this.#worker) return;
      this.#waiting?.resolve(answer);
      this.#waiting = undefined;
      worker.unref();
      this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    });
    worker.on('error', (error: Error) => {
      if (worker === this.#worker) this.#lose(error);
    });
    return worker.on('exit', () => {
      if (worker === this.#worker) this.#lose(new Error('the thread ended'));
    });
  }

  #newWorker(): Worker {
    const resourceLimits =
      this.#maxHeapBytes === undefined
        ? {}
        : { maxOldGenerationSizeMb: Math.ceil(this.#maxHeapBytes / 2 ** 20) };
    try {
      return new Worker(this.#entry, { resourceLimits });
    } catch (cause) {
      throw new ThreadNotStarted(`no thread can be started: ${messageOf(cause)}`, { cause });
    }
  }

  /** @returns the worker that was in use until now. */
  #lose(error: Error): Worker | undefined {
    const worker = this.#worker;
    clearTimeout(this.#idle);
    this.#worker = undefined;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    return worker;
  }
}

/**
 * The thread's side: answers what is asked for.
 *
 * @param end called when there will be nothing more; the thread ends with it.
 */
export function answerRequests(
  answer: (request: never) => unknown,
  end: () => void = () => undefined,
): void {
  const port = parentPort;
  port?.on('message', (request: unknown) => {
    if (request === END) {
      end();
      port.close();
    } else {
      void Promise.resolve(answer(request as never)).then((said) => {
        port.postMessage(said);
      });
    }
  });
}
