// Totals over the crashes of one host or of all, from which metrics are made. Their size does not depend on
// the number of crashes.

import type { CrashType } from '../vmcore/index.ts';
import type { CountedCrash } from './crash.ts';
import type { CountedErrors } from './logs.ts';

/** The counts of one category over all crashes of a scope. */
export interface CategoryTotals {
  readonly errors: number;
  /** Newest error in any crash, Unix seconds; 0 = never. */
  readonly lastSeconds: number;
  /** Number of crashes whose last error of this category was within the suspect window before the panic. */
  readonly suspectCrashes: number;
  /** Number of crashes with errors of this category. */
  readonly crashes: number;
  /** The crash that was last recorded as suspect. */
  readonly lastSuspect: SuspectCrash | undefined;
}

interface SuspectCrash {
  readonly crash: CountedCrash;
  /** Time when it was recorded as suspect, Unix seconds. */
  readonly recordedSeconds: number;
}

/** Totals over all crashes, or over those of one host. */
export interface Totals {
  /**
   * Whether these are the crashes without a known host. A crash leaves these totals when its host becomes
   * known, so none of the numbers is then a counter.
   */
  readonly isFallback: boolean;
  readonly crashes: number;
  /** Totals of each of CATEGORIES. */
  readonly byCategory: ReadonlyMap<string, CategoryTotals>;
  /** Errors in the logs of crashes, only those greater than 0. */
  readonly logged: readonly CountedErrors[];
  /** Number of crashes by what the kernel died of, as far as a log says so. */
  readonly byType: ReadonlyMap<CrashType, number>;
  /** The newest crash by its plausible time. */
  readonly lastCrash: CountedCrash | undefined;
  /** The last recorded crash. */
  readonly lastRecorded: CountedCrash | undefined;
  /** Returns the number of crashes recorded in the day before `nowSeconds`, without those found late. */
  recordedWithinDay(nowSeconds: number): number;
  /**
   * Returns the number of suspect crashes in the 30 days before `nowSeconds`; for each host since its last
   * repair.
   */
  recentSuspects(category: string, nowSeconds: number): number;
}
