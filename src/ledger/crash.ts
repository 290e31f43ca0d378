// One crash as the ledger keeps it, and what two files that describe it say together. Pure.

import type { CrashReport, Hwerr, HwerrCategory } from '../vmcore/index.ts';

/** A report without the digest that only tells crashes apart. */
export type StoredReport = Omit<CrashReport, 'vmcoreinfoDigest'>;

export interface Crash {
  /** Stays the same whatever is learned of the crash later. */
  readonly id: string;
  /** Number of the crash in the ledger, from 1, in the order in which they became known. */
  readonly sequence: number;
  /** The host it is counted for; stays the same, or a counter of that host would go down. */
  readonly host: string;
  /** Files that describe it, the newest first. They may be gone. */
  readonly paths: readonly string[];
  /** Unix seconds. */
  readonly recordedSeconds: number;
  readonly report: StoredReport;
}

export function storedReport(report: CrashReport): StoredReport {
  const { vmcoreinfoDigest, warnings, ...rest } = report;
  return {
    ...rest,
    warnings: warnings.slice(0, 20).map((warning) => warning.slice(0, 500)),
  };
}

/** Whether `next` says more of a crash than `known`. */
function saysMore(next: StoredReport, known: StoredReport): boolean {
  const isPresent = next.hwerr.kind === 'present';
  if ((known.hwerr.kind === 'present') !== isPresent) return isPresent;
  if (known.incomplete !== next.incomplete) return known.incomplete;
  if (next.hwerr.kind !== 'present' || known.hwerr.kind !== 'present') return false;
  const before = countsOf(known.hwerr.categories);
  return next.hwerr.categories.some(({ category, count }) => count > (before.get(category) ?? 0));
}

/**
 * What two reports say of one crash together. No count and no time goes down: a kernel only counts
 * up, so the higher number is the later one. A boot dies once, so the first crash time stays.
 */
export function merged(known: StoredReport, next: StoredReport): StoredReport {
  const [better, other] = saysMore(next, known) ? [next, known] : [known, next];
  const crashTimeSeconds = known.crashTimeSeconds ?? next.crashTimeSeconds;
  return {
    ...better,
    buildId: better.buildId ?? other.buildId,
    nodename: known.nodename ?? next.nodename,
    bootId: known.bootId ?? next.bootId,
    crashTimeSeconds,
    panicMessage: better.panicMessage ?? other.panicMessage,
    hwerr:
      known.hwerr.kind === 'present' && next.hwerr.kind === 'present'
        ? highest(known.hwerr.categories, next.hwerr.categories, crashTimeSeconds)
        : better.hwerr,
  };
}

function highest(
  known: readonly HwerrCategory[],
  next: readonly HwerrCategory[],
  crashTimeSeconds: number | null,
): Hwerr {
  const categories = new Map(known.map((counter) => [counter.category, counter]));
  for (const counter of next) {
    const { category, count, lastErrorTimestampSeconds } = counter;
    const before = categories.get(category) ?? counter;
    categories.set(category, {
      category,
      count: Math.max(before.count, count),
      lastErrorTimestampSeconds: lastError(
        before.lastErrorTimestampSeconds,
        lastErrorTimestampSeconds,
        crashTimeSeconds,
      ),
    });
  }
  return { kind: 'present', categories: [...categories.values()] };
}

/** The later time. One after the crash is of a clock that was set: it replaces none from before. */
function lastError(
  known: number | null,
  next: number | null,
  crashTimeSeconds: number | null,
): number | null {
  if (known === null || next === null) return known ?? next;
  const crash = crashTimeSeconds ?? Infinity;
  return known <= crash && next > crash ? known : Math.max(known, next);
}

function countsOf(categories: readonly HwerrCategory[]): ReadonlyMap<string, number> {
  return new Map(categories.map(({ category, count }) => [category, count]));
}
