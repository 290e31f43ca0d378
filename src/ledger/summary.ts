// Sums over crashes, kept up to date by differences: they take as much memory for a thousand crashes
// as for one. Pure bookkeeping; what comes in is committed already.

import { CATEGORIES } from '../vmcore/index.ts';
import type { Crash, StoredReport } from './crash.ts';

export interface Tally {
  readonly errors: number;
  /** Newest error in any crash, Unix seconds; 0 = never. */
  readonly lastSeconds: number;
  /** Crashes whose last error of this category came within the suspect window before the panic. */
  readonly suspectCrashes: number;
}

/** All crashes, or those of one host. */
export interface Summary {
  readonly crashes: number;
  readonly byCategory: ReadonlyMap<string, Tally>;
  /** The crash with the newest crash time. */
  readonly lastCrash: Crash | undefined;
}

const NOTHING: Tally = { errors: 0, lastSeconds: 0, suspectCrashes: 0 };

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
      });
    }
    if (this.#lastCrash === undefined || order(after, this.#lastCrash) >= 0)
      this.#lastCrash = after;
  }

  #tally(report: StoredReport | undefined, category: string): Tally {
    if (report?.hwerr.kind !== 'present') return NOTHING;
    const found = report.hwerr.categories.find((each) => each.category === category);
    if (found === undefined) return NOTHING;
    const lastSeconds = found.lastErrorTimestampSeconds ?? 0;
    const suspect = isSuspect(report.crashTimeSeconds, lastSeconds, this.#suspectWindowSeconds);
    return { errors: found.count, lastSeconds, suspectCrashes: suspect ? 1 : 0 };
  }
}

/** An error after the panic cannot be: the clock was set back in between, by less than we can know. */
function isSuspect(crashSeconds: number | null, errorSeconds: number, window: number): boolean {
  if (crashSeconds === null || errorSeconds === 0) return false;
  return crashSeconds - errorSeconds <= window;
}

/** By crash time, then by when they became known. */
function order(a: Crash, b: Crash): number {
  const times = (a.report.crashTimeSeconds ?? 0) - (b.report.crashTimeSeconds ?? 0);
  return times === 0 ? a.sequence - b.sequence : times;
}
