// The main thread's side of the worker: run one decode, and survive whatever becomes of it.

import { Piscina } from 'piscina';
import { type FailureReason, messageOf } from '../failure.ts';
import type { DecodeOutcome } from './decode-file.ts';
import type { DecodeTask, LiveTask } from './decode-worker.ts';
import type { LiveOutcome } from '../host/kcore-file.ts';
import type { LiveClient } from '../host/live.ts';

export interface DecodeClient {
  /** Never rejects: a deadline or the death of the worker is an outcome too. */
  decode(file: Pick<DecodeTask, 'path' | 'root' | 'version'>): Promise<DecodeOutcome>;
  close(): Promise<void>;
}

export interface DecodeBounds {
  /** Directories with symbol files, for kernels whose dumps have too few symbols. */
  readonly symbolPaths: readonly string[];
  readonly timeoutMs: number;
  /** Of the worker, bytes: its JavaScript heap, and its buffers, which the decoder's limits bound. */
  readonly maxMemoryBytes: number;
}

/** How long the thread stays with nothing to do. */
const IDLE_MS = 30_000;

/** One worker thread, started with the first task and replaced when it dies. */
export function decodeClient(bounds: DecodeBounds): DecodeClient & LiveClient {
  const pool = new Piscina<DecodeTask | LiveTask, DecodeOutcome | LiveOutcome>({
    filename: new URL('./decode-worker.js', import.meta.url).href,
    // What the thread looks for when it starts; its own default is an export that is not there.
    name: 'decode',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(bounds.maxMemoryBytes / 2 ** 20) },
  });
  // The pool tells here of a worker that died before it had taken a file, or after it was done with
  // one. Without a listener that would be the end of the daemon.
  pool.on('error', () => undefined);
  const run = async (
    name: string,
    task: DecodeTask | LiveTask,
  ): Promise<DecodeOutcome | LiveOutcome> => {
    const deadline = AbortSignal.timeout(bounds.timeoutMs);
    const death = new AbortController();
    const die = (error: unknown): void => {
      death.abort(error);
    };
    pool.once('error', die);
    try {
      return await pool.run(task, { name, signal: AbortSignal.any([deadline, death.signal]) });
    } catch (error) {
      if (deadline.aborted) {
        return failed('timeout', `took longer than ${bounds.timeoutMs / 1000} s`);
      }
      return failed('internal', messageOf(death.signal.aborted ? death.signal.reason : error));
    } finally {
      pool.off('error', die);
    }
  };
  const { symbolPaths, maxMemoryBytes } = bounds;
  return {
    decode: ({ path, root, version }) =>
      run('decode', { path, root, version, symbolPaths, maxMemoryBytes }) as Promise<DecodeOutcome>,
    live: (path) => run('live', { path, symbolPaths }) as Promise<LiveOutcome>,
    close: () => pool.destroy(),
  };
}

function failed(reason: FailureReason, message: string): DecodeOutcome & LiveOutcome {
  return { kind: 'failure', failure: { reason, message }, content: undefined };
}
