// One file, decoded: the only place where everything a decode can throw becomes an outcome.

import { createHash } from 'node:crypto';
import { type Failure, FileError, failureOf } from '../failure.ts';
import { type CrashReport, decodeVmcore } from '../vmcore/index.ts';
import { type FileSource, openFileSource } from './file-source.ts';

/** What to decode. Plain data: it crosses threads. */
export interface DecodeTask {
  readonly path: string;
  /** The directory that the file must be in; undefined: links are followed wherever they lead. */
  readonly root?: string;
  /** versionOf() when it was found; undefined: whichever state it is in. */
  readonly version?: string;
}

/** What became of a file. Plain data: it crosses threads. */
export type Outcome =
  | { readonly kind: 'decoded'; readonly report: CrashReport; readonly content: string }
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      /** As contentDigest() says; null when the file could not be read. */
      readonly content: string | null;
    }
  /** It was written to while it was read, or is another file now: what was read is worth nothing. */
  | { readonly kind: 'changed' }
  /** It was pruned or renamed since it was found: no failure. */
  | { readonly kind: 'gone' };

export function decodeFile({ path, root, version }: DecodeTask): Outcome {
  let source: FileSource;
  try {
    source = openFileSource(path, root);
  } catch (error) {
    if (error instanceof FileError && GONE.has(error.code)) return { kind: 'gone' };
    return { kind: 'failed', failure: failureOf(error), content: null };
  }
  try {
    if (version !== undefined && source.version !== version) return { kind: 'changed' };
    const outcome = decodeSource(source);
    return source.currentVersion() === source.version ? outcome : { kind: 'changed' };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error), content: null };
  } finally {
    source.close();
  }
}

/** ESTALE: an NFS server says that of a file that another client removed. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);

function decodeSource(source: FileSource): Outcome {
  let content: string | null = null;
  try {
    content = contentDigest(source);
    return { kind: 'decoded', report: decodeVmcore(source), content };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error), content };
  }
}

const SAMPLE_BYTES = 64 * 1024;

/**
 * Tells contents apart as far as counting failures needs: by size, head, which holds the time of the
 * crash, and tail. A copy has the same, wherever it lies.
 */
function contentDigest(source: FileSource): string {
  const length = Math.min(SAMPLE_BYTES, source.size);
  return createHash('sha256')
    .update(`${source.size}\0`)
    .update(source.read(0, length))
    .update(source.read(source.size - length, length))
    .digest('hex');
}
