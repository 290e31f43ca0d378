// The errors counted in one crash, by the categories of the metrics. Pure.

import { isSuspect, leadSeconds } from '../triage.ts';
import { CATEGORIES, byCategory, metricCategory } from '../vmcore/index.ts';
import type { Crash } from './crash.ts';

/** The kernel's count of one category in one crash. */
export interface CrashErrors {
  /** One of CATEGORIES; categories that only newer kernels have are part of `others`. */
  readonly category: string;
  readonly count: number;
  /** The newest error, Unix seconds; null: never, or not in the dump. */
  readonly lastErrorSeconds: number | null;
  /** Seconds from the last error before the crash to the crash; negative if all are dated after it. */
  readonly leadSeconds: number | null;
  readonly isSuspect: boolean;
}

/** Returns one entry per category with errors; none if the counters are unknown. */
export function crashErrors({
  report,
  suspectWindowSeconds,
}: Pick<Crash, 'report' | 'suspectWindowSeconds'>): readonly CrashErrors[] {
  const { hwerr } = report;
  if (hwerr.kind !== 'present') return [];
  const counted = hwerr.categories.filter(({ count }) => count > 0);
  return byCategory(counted).map(({ category, counters, count, lastErrorSeconds }) => {
    const leads = counters.flatMap((counter) => leadSeconds(counter, report) ?? []);
    const before = leads.filter((lead) => lead >= 0);
    return {
      category,
      count,
      lastErrorSeconds,
      leadSeconds:
        before.length > 0 ? Math.min(...before) : leads.length > 0 ? Math.max(...leads) : null,
      isSuspect: before.some((lead) => isSuspect(lead, suspectWindowSeconds)),
    };
  });
}

/** Returns the categories of errors that were counted or are in the log, in the order of CATEGORIES. */
export function errorCategories({
  hwerr,
  loggedErrors,
}: Pick<Crash['report'], 'hwerr' | 'loggedErrors'>): readonly string[] {
  const counters = hwerr.kind === 'present' ? hwerr.categories : [];
  const found = new Set<string>([
    ...counters.filter(({ count }) => count > 0).map(({ category }) => metricCategory(category)),
    ...loggedErrors.filter(({ events }) => events > 0).map(({ category }) => category),
  ]);
  return CATEGORIES.filter((category) => found.has(category));
}
