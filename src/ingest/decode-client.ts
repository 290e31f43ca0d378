// The main thread's side of the worker: run one decode, and survive whatever becomes of it.

import { Piscina } from 'piscina';
import { type FailureReason, messageOf } from '../failure.ts';
import type { Outcome } from './decode-file.ts';
import type { DecodeTask } from './decode-worker.ts';

export interface DecodeClient {
  /** Never rejects: a deadline or the death of the worker is an outcome too. */
  decode(path: string): Promise<Outcome>;
  close(): Promise<void>;
}

export interface DecodeBounds {
  /** Directories with symbol files, for kernels whose dumps have too few symbols. */
  readonly symbolPaths: readonly string[];
  readonly timeoutMs: number;
  /** JavaScript heap of the worker, bytes. Buffers are bounded by the decoder's own limits. */
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
  return {
    async decode(path): Promise<Outcome> {
      const deadline = AbortSignal.timeout(bounds.timeoutMs);
      try {
        return await pool.run({ path, symbolPaths: bounds.symbolPaths }, { signal: deadline });
      } catch (error) {
        if (deadline.aborted) {
          return failed('timeout', `took longer than ${bounds.timeoutMs / 1000} s`);
        }
        return failed('internal', messageOf(error));
      }
    },
    close: () => pool.destroy(),
  };
}

function failed(reason: FailureReason, message: string): Outcome {
  return { kind: 'failed', failure: { reason, message } };
}
