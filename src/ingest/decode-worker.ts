// Entry of the worker thread: everything that can take long or go wrong in a dump happens here.

import { type DecodeTask, type Outcome, decodeFile } from './decode-file.ts';

/** Called by decode-client.ts through the thread pool. */
export function decode(task: DecodeTask): Outcome {
  return decodeFile(task);
}
