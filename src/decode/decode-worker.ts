// Entry of the worker thread. Everything that can take long or fail on a dump happens here.

import { contentDigest } from './content-digest.ts';
import { type DecodeFileOptions, type DecodeOutcome, decodeFile } from './decode-file.ts';
import { type LiveOutcome, readKcoreFile } from '../host/kcore-file.ts';
import { isRemote } from '../file-path.ts';
import { answerRequests } from '../thread.ts';
import type { RemoteObjects } from './remote/remote-objects.ts';
import { symbolFiles } from './symbol-paths.ts';

/** One request to the worker. */
export type WorkerTask =
  | ({ readonly kind: 'decode'; readonly path: string; readonly timeoutMs: number } & Pick<
      DecodeFileOptions,
      'symbolPaths' | 'root' | 'version' | 'maxMemoryBytes'
    >)
  /** Reads the counters of the running kernel. */
  | ({ readonly kind: 'live'; readonly path: string } & Pick<DecodeFileOptions, 'symbolPaths'>);

export type WorkerOutcome = DecodeOutcome | LiveOutcome;

let remote: RemoteObjects | undefined;

answerRequests(async (task: WorkerTask): Promise<WorkerOutcome> => {
  const { path, symbolPaths } = task;
  if (task.kind === 'live') return live(path, symbolPaths);
  if (isRemote(path)) remote ??= await remoteObjects(task.timeoutMs);
  return decodeFile(path, { ...task, contentOf: contentDigest, remote });
});

async function remoteObjects(timeoutMs: number): Promise<RemoteObjects> {
  const { RemoteObjects } = await import('./remote/remote-objects.ts');
  return new RemoteObjects({ timeoutMs, plainHttp: false });
}

function live(path: string, symbolPaths: readonly string[]): LiveOutcome {
  const files = symbolFiles(symbolPaths);
  try {
    return readKcoreFile(path, (kernel) => files.open(kernel));
  } finally {
    files.close();
  }
}
