// What became of one state of one file: the one shape in which ingest hands it to the ledger.

import type { Failure, FailureReason } from './failure.ts';
import type { CrashReport as DecodedReport, Hwerr } from './vmcore/index.ts';

/** The report of a crash; its counters may be unreadable although the crash could be identified. */
export type CrashReport = Omit<DecodedReport, 'debug' | 'vmcoreinfoText' | 'hwerr'> & {
  readonly hwerr:
    | Hwerr
    | {
        readonly kind: 'unreadable';
        readonly reason: FailureReason;
        readonly message: string;
      };
  /** SHA-256 of the set of VMCOREINFO's lines, hexadecimal. */
  readonly vmcoreinfoDigest: string;
};

export type FileOutcome = {
  /** The watched directory it is in. */
  readonly root: string;
  readonly path: string;
  /** The file's state without its content: size, times. */
  readonly version: string;
  /** Digest of its content, as far as that tells files apart; undefined when it could not be read. */
  readonly content: string | undefined;
} & (
  | { readonly kind: 'report'; readonly report: CrashReport }
  | { readonly kind: 'failure'; readonly failure: Failure }
);
