// Sums over crashes, kept up to date by differences: they take as much memory for a thousand crashes
// as for one. Pure bookkeeping; what comes in is committed already.

import { isSuspect, leadSeconds } from '../triage.ts';
import { CATEGORIES, metricCategory } from '../vmcore/index.ts';
import type { Crash, StoredReport } from './crash.ts';

export interface Tally {
  readonly errors: number;
  /** Newest error in any crash, Unix seconds; 0 = never. */
  readonly lastSeconds: number;
  /** Crashes whose last error of this category came within the suspect window before the panic. */
  readonly suspectCrashes: number;
  /** Crashes that counted any. */
  readonly crashes: number;
}

/** All crashes, or those of one host. */
export interface Summary {
  readonly crashes: number;
  readonly byCategory: ReadonlyMap<string, Tally>;
  /** The crash with the newest crash time. */
  readonly lastCrash: Crash | undefined;
}

const NOTHING: Tally = { errors: 0, lastSeconds: 0, suspectCrashes: 0, crashes: 0 };

export class RunningSummary implements Summary {
  readonly #suspectWindowSeconds: number;
  readonly #byCategory = new Map<string, Tally>(CATEGORIES.map((name) => [name, NOTHING]));
  #crashes = 0;
  #lastCrash: Crash | undefined;

  constructor(suspectWindowSeconds: number) {
    this.#suspectWindowSeconds = suspectWindowSeconds;
  }

  get crashes(): number {
    return this.#crashes;
  }

  get byCategory(): ReadonlyMap<string, Tally> {
    return this.#byCategory;
  }

  get lastCrash(): Crash | undefined {
    return this.#lastCrash;
  }

  /** @param before what was known of the crash; undefined when it is new. */
  change(before: Crash | undefined, after: Crash): void {
    if (before === undefined) this.#crashes++;
    for (const [category, known] of this.#byCategory) {
      const was = this.#tally(before?.report, category);
      const is = this.#tally(after.report, category);
      this.#byCategory.set(category, {
        errors: known.errors + is.errors - was.errors,
        lastSeconds: Math.max(known.lastSeconds, is.lastSeconds),
        suspectCrashes: known.suspectCrashes + is.suspectCrashes - was.suspectCrashes,
        crashes: known.crashes + is.crashes - was.crashes,
      });
    }
    if (this.#lastCrash === undefined || order(after, this.#lastCrash) >= 0)
      this.#lastCrash = after;
  }

  #tally(report: StoredReport | undefined, category: string): Tally {
    if (report?.hwerr.kind !== 'present') return NOTHING;
    const counters = report.hwerr.categories.filter(
      (counter) => metricCategory(counter.category) === category,
    );
    const errors = counters.reduce((sum, { count }) => sum + count, 0);
    const suspect = counters.some((counter) =>
      isSuspect(leadSeconds(counter, report.crashTimeSeconds), this.#suspectWindowSeconds),
    );
    return {
      errors,
      lastSeconds: Math.max(0, ...counters.map((one) => one.lastErrorTimestampSeconds ?? 0)),
      suspectCrashes: suspect ? 1 : 0,
      crashes: errors > 0 ? 1 : 0,
    };
  }
}

/** By crash time, then by when they became known. */
function order(a: Crash, b: Crash): number {
  const times = (a.report.crashTimeSeconds ?? 0) - (b.report.crashTimeSeconds ?? 0);
  return times === 0 ? a.sequence - b.sequence : times;
}
