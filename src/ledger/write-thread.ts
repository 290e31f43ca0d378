// Entry of the thread that writes the ledger: a commit takes as long as the disk takes. It has a
// connection of its own; the main thread goes on reading what was committed before.

import { answerRequests } from '../thread.ts';
import { type Batch, type Change, recordBatch, takeOver } from './record.ts';
import { Store } from './store.ts';
import { StoreError, type StoreProblem } from './store-error.ts';

export type Request = { readonly directory: string } & (
  | { readonly kind: 'take over'; readonly owner: string }
  | { readonly kind: 'record'; readonly batch: Batch }
);

/** What became of a request. An error's class is lost between threads. */
export type Answer =
  | { readonly kind: 'done'; readonly changes: readonly Change[] }
  | { readonly kind: 'failed'; readonly problem: StoreProblem; readonly message: string };

let store: Store | undefined;

answerRequests(answer, () => store?.close());

function answer(request: Request): Answer {
  const { directory } = request;
  try {
    store ??= Store.open(directory, 'write');
    if (request.kind === 'record') {
      return { kind: 'done', changes: recordBatch(store, request.batch) };
    }
    takeOver(store, request.owner);
    return { kind: 'done', changes: [] };
  } catch (error) {
    const { problem, message } = StoreError.from(directory, error);
    // A connection whose disk failed is not used again.
    store?.close();
    store = undefined;
    return { kind: 'failed', problem, message };
  }
}
