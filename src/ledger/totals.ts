// Totals over crashes, of one host or of all: what metrics read. They take as much memory for a thousand
// crashes as for one.

import type { CrashType } from '../vmcore/index.ts';
import type { CountedCrash } from './crash.ts';
import type { CountedErrors } from './logs.ts';

/** What all crashes of a scope counted in one category. */
export interface CategoryTotals {
  readonly errors: number;
  /** Newest error in any crash, Unix seconds; 0 = never. */
  readonly lastSeconds: number;
  /** Crashes whose last error of this category came within the suspect window before the panic. */
  readonly suspectCrashes: number;
  /** Crashes that counted any. */
  readonly crashes: number;
  /** The suspect crash that became known as one last. */
  readonly lastSuspect: SuspectCrash | undefined;
}

interface SuspectCrash {
  readonly crash: CountedCrash;
  /** When it became known that it is suspect, Unix seconds. */
  readonly recordedSeconds: number;
}

/** All crashes, or those of one host. */
export interface Totals {
  /**
   * Whether these are crashes of which no host is known. Such a crash leaves these totals when its
   * host becomes known, so none of the numbers here is a counter then.
   */
  readonly isFallback: boolean;
  readonly crashes: number;
  /** Of each of CATEGORIES. */
  readonly byCategory: ReadonlyMap<string, CategoryTotals>;
  /** Events in the logs of crashes; no entry: none. */
  readonly logged: readonly CountedErrors[];
  /** Crashes by what the kernel died of, as far as a log says so. */
  readonly byType: ReadonlyMap<CrashType, number>;
  /** The newest crash, by when it happened as far as that can be believed. */
  readonly lastCrash: CountedCrash | undefined;
  /** The crash that became known last. */
  readonly lastRecorded: CountedCrash | undefined;
  /** Crashes that became known in the day before `nowSeconds`, without those that were found late. */
  recordedWithinDay(nowSeconds: number): number;
  /** Suspect crashes of the 30 days before `nowSeconds`; of each host, since its last repair. */
  recentSuspects(category: string, nowSeconds: number): number;
}
