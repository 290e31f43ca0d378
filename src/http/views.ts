// What the HTTP side is given to show: plain data, made for every request by src/status.ts. Text
// from dumps is bounded there and escaped here.

import type { CrashFilter, CrashSelection } from '../selection.ts';
import type { Verdict } from '../triage.ts';
import type { LogFindings } from '../vmcore/index.ts';

/** What the page and the API show. */
export interface StatusView {
  /** How many crashes are recorded. */
  readonly recorded: number;
  /** How many of them match the selection. */
  readonly matching: number;
  /** Those of the selected page, in the order asked for. */
  readonly crashes: readonly CrashView[];
  readonly directories: readonly DirectoryView[];
  /** Newest first. */
  readonly failures: readonly FailureView[];
  /** undefined: this machine does not say. */
  readonly kdumpArmed: boolean | undefined;
  /** What the running kernel has counted; undefined: it is not read. */
  readonly thisBoot: ThisBootView | undefined;
  /** Hosts that crashed, sorted. */
  readonly hosts: readonly string[];
  /** Why the ledger cannot be read or written; undefined if it can. */
  readonly ledgerProblem: string | undefined;
}

/** Hosts that the form of a page offers. */
export const MAX_OFFERED_HOSTS = 200;

/** What the HTTP side asks the daemon. */
export interface StatusSource {
  readonly view: (asked: CrashSelection) => Promise<StatusView>;
  readonly signatures: (asked: CrashSelection) => Promise<SignaturesView>;
  /** Every crash that is selected, newest first, one record each after the head. */
  readonly csv: (asked: CrashFilter) => AsyncIterable<string>;
  /** undefined: no such crash. */
  readonly crash: (id: string) => Promise<CrashView | undefined>;
  /** Hosts that crashed, sorted. */
  readonly hosts: () => Promise<readonly string[]>;
  /** Why the exporter is not ready, in words; undefined if it is. */
  readonly notReady: () => string | undefined;
}

/** Crashes that died of the same, by the digest of their signature. */
export interface SignatureView {
  readonly signatureId: string;
  readonly signature: string;
  readonly crashes: number;
  /** Crashes in, or shortly after, a hardware error. */
  readonly ofHardware: number;
  readonly hosts: number;
  readonly kernels: number;
  /** Models of those machines that are known. */
  readonly models: number;
  /** Crashes whose log names no machine. */
  readonly unnamed: number;
  readonly newest: Pick<CrashView, 'id' | 'host' | 'kernelRelease' | 'machine'> & {
    readonly orderedSeconds: number;
  };
}

/** The selected crashes by their signatures, those with most crashes first. */
export interface SignaturesView {
  readonly signatures: readonly SignatureView[];
  /** Signatures on all pages. */
  readonly total: number;
  /** Selected crashes of which no log says what the kernel died of. */
  readonly unsigned: number;
  /** Hosts that crashed, sorted. */
  readonly hosts: readonly string[];
}

/** Errors of this boot are in no crash, and in no sum over crashes. */
export type ThisBootView =
  | {
      readonly kind: 'present';
      readonly readSeconds: number;
      readonly categories: readonly Omit<CategoryView, 'leadSeconds'>[];
    }
  | { readonly kind: 'unavailable'; readonly message: string };

/** One crash, as the API answers it. Times are Unix seconds; null means: not in the dump. */
export interface CrashView extends LogFindings {
  readonly id: string;
  readonly host: string;
  readonly crashTimeSeconds: number | null;
  readonly recordedSeconds: number;
  readonly kernelRelease: string;
  readonly arch: string;
  /** Vendor and model; null: no log names them. */
  readonly machine: string | null;
  readonly panicMessage: string | null;
  readonly verdict: Verdict;
  /** A digest that equal faults share; null: no log says what the kernel died of. */
  readonly signatureId: string | null;
  readonly hwerr: HwerrView;
  readonly incomplete: boolean;
  readonly dumps: readonly DumpFileView[];
}

/** The counters of a crash, or why there are none. */
export type HwerrView =
  | { readonly kind: 'present'; readonly categories: readonly CategoryView[] }
  | { readonly kind: 'absent'; readonly reason: string }
  /** The dump is damaged on the way to them. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly message: string };

/** One category of a crash. */
export interface CategoryView {
  readonly category: string;
  readonly count: number;
  readonly lastErrorTimestampSeconds: number | null;
  /** From the last error to the crash; negative when the clock was set back in between. */
  readonly leadSeconds: number | null;
}

interface DumpFileView {
  readonly path: string;
  /** Whether the last scan saw it. */
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
