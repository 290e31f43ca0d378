// The main thread's side of the worker: run one decode, and survive whatever becomes of it.

import { Piscina } from 'piscina';
import { type FailureReason, messageOf } from '../failure.ts';
import type { DecodeTask, Outcome } from './decode-file.ts';

export interface DecodeClient {
  /** Never rejects: a deadline or the death of the worker is an outcome too. */
  decode(task: DecodeTask): Promise<Outcome>;
  close(): Promise<void>;
}

export interface DecodeBounds {
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
    async decode(task): Promise<Outcome> {
      const deadline = AbortSignal.timeout(bounds.timeoutMs);
      try {
        return await pool.run(task, { signal: deadline });
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
  return { kind: 'failed', failure: { reason, message }, content: null };
}
