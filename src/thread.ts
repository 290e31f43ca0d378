// A worker thread that answers requests, one at a time. It starts with the first request, ends after a while
// without any, and is replaced if it dies. It runs what takes long: decoding, waiting for the disk,
// comparing passwords.

import { Worker, parentPort } from 'node:worker_threads';
import { messageOf } from './failure.ts';

/** How long an idle thread is kept. */
const IDLE_MS = 30_000;
/** Sent in place of a request: no more will follow. */
const END = null;

/** The system currently refuses to start a thread: too many tasks or too little memory. */
export class ThreadNotStarted extends Error {}

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The requesting side. */
export class Thread<Request, Answer> {
  readonly #entry: URL;
  readonly #maxHeapBytes: number | undefined;
  #worker: Worker | undefined;
  #waiting: Waiting<Answer> | undefined;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param entry the module that calls answerRequests().
   * @param maxHeapBytes limit of its JavaScript heap, bytes; undefined: Node's default.
   */
  constructor(entry: URL, maxHeapBytes?: number) {
    this.#entry = entry;
    this.#maxHeapBytes = maxHeapBytes;
  }

  /**
   * Sends a request and returns its answer. Do not call it again before that has resolved or rejected.
   *
   * @throws ThreadNotStarted; any other Error if the thread died or was stopped.
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
   * Terminates the thread, whatever it does, and rejects the open request at once. Resolves when the thread
   * has ended, which a hung system call prevents. The next request starts a new thread.
   */
  async stop(): Promise<void> {
    await this.#lose(new Error('the thread was stopped'))?.terminate();
  }

  /** Lets the thread finish. Resolves when it has ended. */
  close(): Promise<void> {
    const worker = this.#lose(new Error('the thread was closed'));
    return new Promise((resolve) => {
      if (worker === undefined) resolve();
      else worker.once('exit', resolve).ref();
      worker?.postMessage(END);
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

  /** @returns the worker that was in use. */
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
 * The thread's side: answers each request.
 *
 * @param end called after the last request; the thread ends afterwards.
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
      void Promise.resolve(answer(request as never)).then((result) => {
        port.postMessage(result);
      });
    }
  });
}
