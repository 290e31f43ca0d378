// Entry of the worker thread: everything that can take long or go wrong in a dump happens here.

import { contentDigest } from './content-digest.ts';
import { type DecodeFileOptions, type DecodeOutcome, decodeFile } from './decode-file.ts';
import { type LiveOutcome, readKcoreFile } from '../host/kcore-file.ts';
import { symbolFiles } from './symbol-paths.ts';

/** What one call of the thread is about. */
export interface DecodeTask extends Pick<
  DecodeFileOptions,
  'symbolPaths' | 'root' | 'version' | 'maxMemoryBytes'
> {
  readonly path: string;
}

/** Called by decode-client.ts through the thread pool. */
export function decode({ path, ...options }: DecodeTask): Promise<DecodeOutcome> {
  return decodeFile(path, { ...options, contentOf: contentDigest });
}

/** What one reading of the running kernel is about. */
export interface LiveTask extends Pick<DecodeFileOptions, 'symbolPaths'> {
  readonly path: string;
}

/** Called by decode-client.ts through the thread pool. */
export function live({ path, symbolPaths }: LiveTask): LiveOutcome {
  const files = symbolFiles(symbolPaths);
  try {
    return readKcoreFile(path, (kernel) => files.open(kernel));
  } finally {
    files.close();
  }
}
