// Entry of the thread that writes the ledger, because a commit takes as long as the disk. The thread has its
// own connection; the main thread meanwhile reads what was committed before.

import type { Shard } from '../shard.ts';
import { answerRequests } from '../thread.ts';
import { type Batch, type Change, recordBatch, requireOwner, takeOver } from './record.ts';
import type { Work } from './statements.ts';
import { Store } from './store.ts';
import { StoreError, type StoreProblem } from './store-error.ts';

/** One request to the thread. */
export interface Request {
  readonly directory: string;
  /** The requesting daemon; only the one that took over last may write. */
  readonly owner: string;
  readonly task: Task;
}

export type Task =
  | { readonly kind: 'take over'; readonly shard: Shard | undefined }
  | { readonly kind: 'record'; readonly batch: Batch };

/** The result of a request. Errors lose their class between threads. */
export type Answer =
  | { readonly kind: 'done'; readonly changes: readonly Change[] }
  | { readonly kind: 'failed'; readonly problem: StoreProblem; readonly message: string };

let store: Store | undefined;

answerRequests(answer, () => store?.close());

function answer(request: Request): Answer {
  const { directory } = request;
  try {
    store ??= Store.open(directory, 'write');
    return { kind: 'done', changes: store.transaction(work(request)) };
  } catch (error) {
    const { problem, message } = StoreError.from(directory, error);
    // A connection whose disk failed is not reused.
    store?.close();
    store = undefined;
    return { kind: 'failed', problem, message };
  }
}

function* work({ owner, task }: Request): Work<readonly Change[]> {
  if (task.kind === 'take over') {
    yield* takeOver(owner, task.shard);
    return [];
  }
  yield* requireOwner(owner);
  return yield* recordBatch(task.batch);
}
