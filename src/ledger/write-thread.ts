// Entry of the thread that writes the ledger: a commit takes as long as the disk takes. It shares the
// LMDB environment with the main thread, which goes on reading what was committed before.

import { parentPort, workerData } from 'node:worker_threads';
import { Store } from './store.ts';
import { StoreError, type StoreProblem } from './store-error.ts';
import { type Batch, type Committed, LAYOUT, type Tables, applyBatch } from './tables.ts';

/** What became of a batch. An error's class is lost between threads. */
export type Answer =
  | { readonly kind: 'committed'; readonly committed: Committed }
  | { readonly kind: 'failed'; readonly problem: StoreProblem; readonly message: string };

const directory = workerData as string;
let store: Store<Tables> | undefined;

parentPort?.on('message', (batch: Batch | 'close') => {
  if (batch !== 'close') parentPort?.postMessage(commit(batch));
  else void close();
});

function commit(batch: Batch): Answer {
  try {
    store ??= Store.open(directory, 'write', LAYOUT);
    return { kind: 'committed', committed: store.commit((tables) => applyBatch(tables, batch)) };
  } catch (error) {
    const { problem, message } = StoreError.from(directory, error);
    return { kind: 'failed', problem, message };
  }
}

/** What it holds of the environment outlives the thread otherwise. */
async function close(): Promise<void> {
  await store?.close();
  parentPort?.close();
}
