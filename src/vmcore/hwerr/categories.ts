// enum hwerr_error_type, part of the kernel's userspace API: include/uapi/linux/vmcore.h, since
// fcc1c85f4268 ("vmcoreinfo: track and log recoverable hardware errors") (in v6.19).

import type { HwerrCategory } from '../report.ts';

/** HWERR_RECOV_CPU and so on, in the order of the array. */
export const CATEGORIES = ['cpu', 'memory', 'pci', 'cxl', 'others'] as const;

export type Category = (typeof CATEGORIES)[number];

/** Returns the category under which metrics count it: `others` for those that only newer kernels have. */
export function metricCategory(name: string): Category {
  return CATEGORIES.find((category) => category === name) ?? 'others';
}

/** The counters that metrics sum up under one category, and their sum. */
export interface CategoryCounters {
  readonly category: Category;
  /** The kernel's counters, under their own names. */
  readonly counters: readonly HwerrCategory[];
  readonly count: number;
  /** The newest error, Unix seconds; null: none, or its time is unknown. */
  readonly lastErrorSeconds: number | null;
}

/** Sums up the counters; returns one entry for each of CATEGORIES. */
export function byCategory(all: readonly HwerrCategory[]): readonly CategoryCounters[] {
  return CATEGORIES.map((category) => {
    const counters = all.filter((one) => metricCategory(one.category) === category);
    const times = counters.flatMap((one) => one.lastErrorTimestampSeconds ?? []);
    return {
      category,
      counters,
      count: counters.reduce((sum, { count }) => sum + count, 0),
      lastErrorSeconds: times.length === 0 ? null : Math.max(...times),
    };
  });
}
