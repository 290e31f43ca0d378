// The data that HTTP shows: plain data, made for every request by src/status.ts, which limits the length of
// text from dumps; it is escaped here.

import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { Verdict } from '../triage.ts';
import type { LogFindings } from '../vmcore/index.ts';

/** The data of the status page and the API. */
export interface StatusView {
  /** Number of recorded crashes. */
  readonly recorded: number;
  /** Number of crashes that match the selection. */
  readonly matching: number;
  /** The crashes of the selected page, in the selected order. */
  readonly crashes: readonly CrashView[];
  readonly directories: readonly DirectoryView[];
  /** Newest first. */
  readonly failures: readonly FailureView[];
  /** Whether a crash kernel is loaded; undefined if unknown. */
  readonly kdumpArmed: boolean | undefined;
  /** The counters of the running kernel; undefined if they are not read. */
  readonly thisBoot: ThisBootView | undefined;
  /** Hosts that crashed, sorted. */
  readonly hosts: readonly string[];
  /** Why the ledger cannot be read or written; undefined if it can. */
  readonly ledgerProblem: string | undefined;
}

/** Maximum number of hosts that a page's form offers. */
export const MAX_OFFERED_HOSTS = 200;

/** Queries that HTTP makes to the daemon. */
export interface StatusSource {
  readonly view: (selection: CrashSelection) => Promise<StatusView>;
  readonly signatures: (selection: CrashSelection) => Promise<SignaturesView>;
  /** A header, then one CSV record for each selected crash, newest first. */
  readonly csv: (filter: CrashFilter) => AsyncIterable<string>;
  /** Resolves with undefined if there is no such crash. */
  readonly crash: (id: string) => Promise<CrashView | undefined>;
  /** Hosts that crashed, sorted. */
  readonly hosts: () => Promise<readonly string[]>;
  /** Why the exporter is not ready; undefined if it is. */
  readonly notReady: () => string | undefined;
}

/** Crashes with the same signature, and so the same fault. */
export interface SignatureView {
  readonly signatureId: string;
  readonly signature: string;
  readonly crashes: number;
  /** Crashes in, or shortly after, a hardware error. */
  readonly ofHardware: number;
  readonly hosts: number;
  readonly kernels: number;
  /** Number of known models. */
  readonly models: number;
  /** Crashes whose log does not name the machine. */
  readonly unnamed: number;
  readonly newest: Pick<CrashView, 'id' | 'host' | 'kernelRelease' | 'machine'> & {
    readonly orderedSeconds: number;
  };
}

/** The selected crashes grouped by signature, largest groups first. */
export interface SignaturesView {
  readonly signatures: readonly SignatureView[];
  /** Number of signatures on all pages. */
  readonly total: number;
  /** Selected crashes without a signature, because no log says what the kernel died of. */
  readonly unsigned: number;
  /** Hosts that crashed, sorted. */
  readonly hosts: readonly string[];
}

/** Counters of the running kernel. They are in no crash and in no total. */
export type ThisBootView =
  | {
      readonly kind: 'present';
      readonly readSeconds: number;
      readonly categories: readonly Omit<CategoryView, 'leadSeconds'>[];
    }
  | { readonly kind: 'unavailable'; readonly message: string };

/** One crash, as in the API. Times are Unix seconds; null if not in the dump. */
export interface CrashView extends LogFindings {
  readonly id: string;
  readonly host: string;
  readonly crashTimeSeconds: number | null;
  readonly recordedSeconds: number;
  readonly kernelRelease: string;
  readonly arch: string;
  /** Vendor and model; null if no log names them. */
  readonly machine: string | null;
  readonly panicMessage: string | null;
  readonly verdict: Verdict;
  /** A digest that equal faults share; null if no log says what the kernel died of. */
  readonly signatureId: string | null;
  readonly hwerr: HwerrView;
  readonly incomplete: boolean;
  readonly dumps: readonly DumpFileView[];
}

/** The counters of a crash, or why there are none. */
export type HwerrView =
  | { readonly kind: 'present'; readonly categories: readonly CategoryView[] }
  | { readonly kind: 'absent'; readonly reason: string }
  /** The dump is damaged where the counters are read. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly message: string };

/** One category of a crash. */
export interface CategoryView {
  readonly category: string;
  readonly count: number;
  readonly lastErrorTimestampSeconds: number | null;
  /** Seconds from the last error to the crash; negative if the clock was set back in between. */
  readonly leadSeconds: number | null;
}

interface DumpFileView {
  readonly path: string;
  /** Whether the last scan saw the file. */
  readonly present: boolean;
}

/** A watched directory. */
export interface DirectoryView {
  readonly directory: string;
  readonly up: boolean;
  /** 0 before the first scan. */
  readonly lastScanSeconds: number;
}

/** A file that gave no counters. */
export interface FailureView {
  readonly path: string;
  readonly reason: string;
  readonly message: string;
  readonly recordedSeconds: number;
}
