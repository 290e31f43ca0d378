// What the HTTP side is given to show: plain data, made anew for every request by src/status.ts. Text
// from dumps is bounded there and escaped here.

import type { Verdict } from '../triage.ts';

/** Everything the page and the API can ask for. */
export interface Views {
  /** How many crashes there are. */
  readonly recorded: () => number;
  readonly crashes: (asked: Selection) => SelectedCrashes;
  readonly crash: (id: string) => CrashView | undefined;
  readonly directories: () => readonly DirectoryView[];
  /** Newest first. */
  readonly failures: () => readonly FailureView[];
  /** undefined: this machine does not say. */
  readonly kdumpArmed: () => boolean | undefined;
  /** What the running kernel has counted; undefined: nobody asked. */
  readonly thisBoot: () => ThisBootView | undefined;
  /** Hosts that crashed, sorted. */
  readonly hosts: () => readonly string[];
  /** Why what is learned now cannot be kept; undefined: it can. */
  readonly ledgerProblem: () => string | undefined;
  /** Whether every directory was looked at once. */
  readonly isScanned: () => boolean;
}

/** Errors of this boot are in no crash, and in no sum over crashes. */
export type ThisBootView =
  | {
      readonly kind: 'present';
      /** sysfs has no times. */
      readonly source: 'kcore' | 'sysfs';
      readonly readSeconds: number;
      readonly categories: readonly Omit<CategoryView, 'leadSeconds'>[];
    }
  | { readonly kind: 'unavailable'; readonly message: string };

/** Which crashes are asked for. */
export interface Selection {
  /** Exactly this host. */
  readonly host: string | undefined;
  /** Crashes that counted an error of this category. */
  readonly category: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

interface SelectedCrashes {
  /** Newest first. */
  readonly page: readonly CrashView[];
  /** Those that match, on whatever page. */
  readonly matching: number;
}

/** One crash, as the API answers it. Times are Unix seconds; null means: not in the dump. */
export interface CrashView {
  readonly id: string;
  readonly host: string;
  readonly crashTimeSeconds: number | null;
  readonly recordedSeconds: number;
  readonly kernelRelease: string;
  readonly arch: string;
  readonly panicMessage: string | null;
  readonly verdict: Verdict;
  readonly hwerr: HwerrView;
  readonly incomplete: boolean;
  readonly dumps: readonly DumpFileView[];
}

export type HwerrView =
  | { readonly kind: 'present'; readonly categories: readonly CategoryView[] }
  | { readonly kind: 'absent'; readonly reason: string };

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

export interface DirectoryView {
  readonly directory: string;
  readonly up: boolean;
  /** 0 before the first scan. */
  readonly lastScanSeconds: number;
}

export interface FailureView {
  readonly path: string;
  readonly reason: string;
  readonly message: string;
  readonly recordedSeconds: number;
}
