// What one crash counted, by the categories that metrics have. Pure.

import { isSuspect, leadSeconds } from '../triage.ts';
import { CATEGORIES, byCategory, metricCategory } from '../vmcore/index.ts';
import type { Crash } from './crash.ts';

/** The errors of one category in one crash, counted by the kernel. */
export interface CrashErrors {
  /** One of CATEGORIES; what a newer kernel counts under its own name is in others. */
  readonly category: string;
  readonly count: number;
  /** The newest error, Unix seconds; null: never, or the dump does not say. */
  readonly lastErrorSeconds: number | null;
  /** From the last error before the crash to the crash; below 0 where all are dated after it. */
  readonly leadSeconds: number | null;
  readonly isSuspect: boolean;
}

/** One entry a category; none where the counters are not known. */
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

/** Categories of the errors that a crash counted, or that its log has, in the order of CATEGORIES. */
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
