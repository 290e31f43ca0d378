// What became of one state of one file: the one shape in which ingest hands it to the ledger.

import type { Failure } from './failure.ts';
import type { CrashReport } from './vmcore/index.ts';

/** What identifies the state of the file that was decoded. */
interface FileState {
  /** The watched directory it is in. */
  readonly root: string;
  readonly path: string;
  /** The file's state without its content: size, times. */
  readonly version: string;
  /** Digest of its content, as far as that distinguishes files; undefined when it could not be read. */
  readonly content: string | undefined;
}

/**
 * `report`: the crash could be identified, though perhaps not its counters (`hwerr.kind`).
 * `failure`: the file does not even say which crash it is of.
 */
export type FileOutcome = FileState &
  (
    | { readonly kind: 'report'; readonly report: CrashReport }
    | { readonly kind: 'failure'; readonly failure: Failure }
  );
