// The main thread's side of the worker: run one decode, and survive whatever becomes of it.

import { Piscina } from 'piscina';
import { type FailureReason, messageOf } from '../failure.ts';
import type { Outcome } from './decode-file.ts';
import type { DecodeTask } from './decode-worker.ts';
import type { FoundFile } from './scan.ts';

export interface DecodeClient {
  /** Never rejects: a deadline or the death of the worker is an outcome too. */
  decode(file: Pick<FoundFile, 'path' | 'root' | 'version'>): Promise<Outcome>;
  close(): Promise<void>;
}

export interface DecodeBounds {
  /** Directories with symbol files, for kernels whose dumps have too few symbols. */
  readonly symbolPaths: readonly string[];
  readonly timeoutMs: number;
  /** Of the worker, bytes: its JavaScript heap, and its buffers, which the decoder's limits bound. */
  readonly maxMemoryBytes: number;
}

/** One worker thread, started with the first decode and replaced when it dies. */
export function decodeClient(bounds: DecodeBounds): DecodeClient {
  const pool = new Piscina<DecodeTask, Outcome>({
    filename: new URL('./decode-worker.js', import.meta.url).href,
    name: 'decode',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 30_000,
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(bounds.maxMemoryBytes / 2 ** 20) },
  });
  // The pool tells here of a worker that died before it had taken a file, or after it was done with
  // one. Without a listener that would be the end of the daemon.
  pool.on('error', () => undefined);
  return {
    async decode({ path, root, version }): Promise<Outcome> {
      const deadline = AbortSignal.timeout(bounds.timeoutMs);
      const death = new AbortController();
      const die = (error: unknown): void => {
        death.abort(error);
      };
      pool.once('error', die);
      try {
        const signal = AbortSignal.any([deadline, death.signal]);
        const { symbolPaths, maxMemoryBytes } = bounds;
        return await pool.run({ path, root, version, symbolPaths, maxMemoryBytes }, { signal });
      } catch (error) {
        if (deadline.aborted) {
          return failed('timeout', `took longer than ${bounds.timeoutMs / 1000} s`);
        }
        return failed('internal', messageOf(death.signal.aborted ? death.signal.reason : error));
      } finally {
        pool.off('error', die);
      }
    },
    close: () => pool.destroy(),
  };
}

function failed(reason: FailureReason, message: string): Outcome {
  return { kind: 'failed', failure: { reason, message } };
}
