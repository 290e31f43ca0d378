// Entry of the worker thread: everything that can take long or go wrong in a dump happens here.

import { contentDigest } from './content-digest.ts';
import { type DecodeFileOptions, type DecodeOutcome, decodeFile } from './decode-file.ts';
import { type LiveOutcome, readKcoreFile } from '../host/kcore-file.ts';
import { answerRequests } from '../thread.ts';
import { symbolFiles } from './symbol-paths.ts';

/** What one request is about. */
export type WorkerTask =
  | ({ readonly kind: 'decode'; readonly path: string } & Pick<
      DecodeFileOptions,
      'symbolPaths' | 'root' | 'version' | 'maxMemoryBytes'
    >)
  /** The running kernel. */
  | ({ readonly kind: 'live'; readonly path: string } & Pick<DecodeFileOptions, 'symbolPaths'>);

export type WorkerOutcome = DecodeOutcome | LiveOutcome;

answerRequests((task: WorkerTask): WorkerOutcome | Promise<WorkerOutcome> => {
  return task.kind === 'decode'
    ? decodeFile(task.path, { ...task, contentOf: contentDigest })
    : live(task.path, task.symbolPaths);
});

function live(path: string, symbolPaths: readonly string[]): LiveOutcome {
  const files = symbolFiles(symbolPaths);
  try {
    return readKcoreFile(path, (kernel) => files.open(kernel));
  } finally {
    files.close();
  }
}
