// One file, decoded: the only place where everything a decode can throw becomes an outcome.

import { type Failure, FileError, failureOf } from '../failure.ts';
import { type CrashReport, decodeVmcore } from '../vmcore/index.ts';
import { type FileSource, openFileSource } from './file-source.ts';

/** What became of a file. Plain data: it crosses threads. */
export type Outcome =
  | { readonly kind: 'decoded'; readonly report: CrashReport }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** It was written to while it was read: what was read is worth nothing. */
  | { readonly kind: 'changed' }
  /** It was pruned or renamed since it was found: no failure. */
  | { readonly kind: 'gone' };

export function decodeFile(path: string, followLinks = false): Outcome {
  let source: FileSource;
  try {
    source = openFileSource(path, followLinks);
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOENT') return { kind: 'gone' };
    return { kind: 'failed', failure: failureOf(error) };
  }
  try {
    const outcome = decodeSource(source);
    return source.currentVersion() === source.version ? outcome : { kind: 'changed' };
  } finally {
    source.close();
  }
}

function decodeSource(source: FileSource): Outcome {
  try {
    return { kind: 'decoded', report: decodeVmcore(source) };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error) };
  }
}
