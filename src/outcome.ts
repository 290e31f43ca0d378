// The result of decoding one version of a file, as ingest passes it to the ledger.

import type { Failure } from './failure.ts';
import type { CrashReport } from './vmcore/index.ts';

/** Identifies the version of the file that was decoded. */
interface FileState {
  /** The watched directory that contains it. */
  readonly root: string;
  readonly path: string;
  /** Identifies the version without its content: size and times. */
  readonly version: string;
  /** Digest of enough of the content to distinguish files; undefined if it could not be read. */
  readonly content: string | undefined;
  /** Directories above it of which the last scan could not list everything; undefined: none. */
  readonly unlisted?: readonly string[];
}

/**
 * `report`: the crash was identified, though its counters may be missing (`hwerr.kind`).
 * `failure`: not even the crash could be identified.
 */
export type FileOutcome = FileState &
  (
    | { readonly kind: 'report'; readonly report: CrashReport }
    | { readonly kind: 'failure'; readonly failure: Failure }
  );
