// The main thread's side of the decode workers: runs one decode and survives any way it may end.
//
// A read from a mount whose server died hangs until the server is back, and its thread cannot be ended before.
// Meanwhile that file is not read again, nor any file of a directory with several hung reads: this bounds
// the number of lost threads, and other directories are decoded as before.

import { setTimeout as sleep } from 'node:timers/promises';
import { type FailureReason, errorCode, messageOf } from '../failure.ts';
import type { LiveOutcome } from '../host/kcore-file.ts';
import type { LiveClient } from '../host/live.ts';
import type { Logger } from '../log.ts';
import { Thread, ThreadNotStarted } from '../thread.ts';
import type { DecodeOutcome } from './decode-file.ts';
import type { WorkerOutcome, WorkerTask } from './decode-worker.ts';

/** Decodes dumps in worker threads, so that a bad dump harms nothing else. */
export interface DecodeClient {
  /** Never rejects: a timeout and the death of the worker are outcomes too. */
  decode(file: DumpFile): Promise<DecodeOutcome>;
  close(): Promise<void>;
}

interface DumpFile {
  /** The directory that must contain the file. */
  readonly root: string;
  readonly path: string;
  /** versionOf() when the file was found. */
  readonly version: string;
}

/** Resources of the decodes: time (ms), memory (bytes), threads. */
export interface DecodeBounds {
  /** Directories with symbol files, for kernels whose dumps have too few symbols. */
  readonly symbolPaths: readonly string[];
  /** Number of parallel decodes. */
  readonly workers: number;
  readonly timeoutMs: number;
  /** Memory of all workers together, bytes: JavaScript heaps, and buffers within the decoder's limits. */
  readonly maxMemoryBytes: number;
}

/** A thread that takes longer to stop hangs in a system call. */
const STOP_MS = 1000;
/** Number of hung reads in a directory from which on none of its files is read. */
const MAX_HUNG = 2;
/** Time between two attempts to start a thread. */
const RETRY_MS = 1000;

/** Returns a client with worker threads that start with their first task and are replaced if they die. */
export function decodeClient(bounds: DecodeBounds, log: Logger): DecodeClient & LiveClient {
  const { symbolPaths, timeoutMs } = bounds;
  const maxMemoryBytes = Math.floor(bounds.maxMemoryBytes / bounds.workers);
  const workers = new Workers({ ...bounds, maxMemoryBytes }, log);
  return {
    decode({ path, root, version }): Promise<DecodeOutcome> {
      const of = { path, root, version, symbolPaths, maxMemoryBytes, timeoutMs };
      const task = { kind: 'decode', ...of } as const;
      return workers.run(root, task) as Promise<DecodeOutcome>;
    },
    live: (path) => workers.run(path, { kind: 'live', path, symbolPaths }) as Promise<LiveOutcome>,
    close: () => workers.close(),
  };
}

type Worker = Thread<WorkerTask, WorkerOutcome>;

class Workers {
  readonly #timeoutMs: number;
  readonly #log: Logger;
  readonly #all: readonly Worker[];
  readonly #free: Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  /** Directory of each path whose read hangs. */
  readonly #hung = new Map<string, string>();
  #isStarved = false;
  #isClosed = false;

  /** @param bounds `maxMemoryBytes` is the memory of each worker. */
  constructor({ workers, timeoutMs, maxMemoryBytes }: DecodeBounds, log: Logger) {
    const entry = new URL('./decode-worker.js', import.meta.url);
    this.#all = Array.from({ length: workers }, () => new Thread(entry, maxMemoryBytes));
    this.#free = [...this.#all];
    this.#timeoutMs = timeoutMs;
    this.#log = log;
  }

  /** @param root the directory that contains the file of the task. */
  async run(root: string, task: WorkerTask): Promise<WorkerOutcome> {
    const worker =
      this.#free.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    const outcome = this.#refusal(root, task.path) ?? (await this.#ask(worker, root, task));
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(worker);
    else next(worker);
    return outcome;
  }

  /** Stops all threads, without waiting for those that hang. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await hasEnded(Promise.all(this.#all.map((worker) => worker.stop())));
  }

  #refusal(root: string, path: string): WorkerOutcome | undefined {
    if (this.#isClosed) return failed('internal', 'the exporter ends');
    const ofRoot = [...this.#hung].filter(([, hungRoot]) => hungRoot === root);
    const isHung = this.#hung.has(path) || ofRoot.length >= MAX_HUNG;
    return isHung ? failed('timeout', `${path}: left alone, reads hang in ${root}`) : undefined;
  }

  async #ask(worker: Worker, root: string, task: WorkerTask): Promise<WorkerOutcome> {
    let stopped: Promise<void> | undefined;
    const deadline = setTimeout(() => {
      stopped = worker.stop();
    }, this.#timeoutMs);
    const isOver = (): boolean => stopped !== undefined || this.#isClosed;
    try {
      return await this.#askOnceStarted(worker, task, isOver);
    } catch (error) {
      if (error instanceof ThreadNotStarted) return failed('io', error.message);
      if (errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY') {
        return failed('limit_exceeded', `${task.path}: ${messageOf(error)}`);
      }
      if (stopped === undefined) return failed('internal', messageOf(error));
      if (!(await hasEnded(stopped))) {
        this.#hung.set(task.path, root);
        void stopped.then(() => this.#hung.delete(task.path));
      }
      return failed('timeout', `took longer than ${this.#timeoutMs / 1000} s`);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Retries until a thread can be started, which is not the dump's fault, or the task is over. */
  async #askOnceStarted(
    worker: Worker,
    task: WorkerTask,
    isOver: () => boolean,
  ): Promise<WorkerOutcome> {
    for (;;) {
      try {
        const outcome = await worker.ask(task);
        this.#isStarved = false;
        return outcome;
      } catch (error) {
        if (!(error instanceof ThreadNotStarted) || isOver()) throw error;
        const hint = 'see TasksMax= of the unit, or ulimit -u; it is tried again';
        if (!this.#isStarved) this.#log.error('no dump is decoded', { error: error.message, hint });
        this.#isStarved = true;
        await sleep(RETRY_MS);
        if (isOver()) throw error;
      }
    }
  }
}

/** @returns false if it takes longer than stopping a thread that does not hang. */
function hasEnded(stopped: Promise<unknown>): Promise<boolean> {
  return Promise.race([stopped.then(() => true), sleep(STOP_MS, false, { ref: false })]);
}

function failed(reason: FailureReason, message: string): WorkerOutcome {
  return { kind: 'failure', failure: { reason, message }, content: undefined };
}
