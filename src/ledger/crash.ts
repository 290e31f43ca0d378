// One crash as the ledger keeps it, and what two files that describe it say together. Pure.

import type { CrashReport, Hwerr } from '../vmcore/index.ts';

/** A report without what is for tests, and without the text that only tells crashes apart. */
export type StoredReport = Omit<CrashReport, 'debug' | 'vmcoreinfoText'>;

export interface Crash {
  /** Stays the same whatever is learned of the crash later. */
  readonly id: string;
  /** Number of the crash in the ledger, from 1, in the order in which they became known. */
  readonly sequence: number;
  /** The host it is counted for; stays the same, or a counter of that host would go down. */
  readonly host: string;
  /** The file that said most. It may be gone. */
  readonly path: string;
  /** Unix seconds. */
  readonly recordedSeconds: number;
  readonly report: StoredReport;
}

export function storedReport(report: CrashReport): StoredReport {
  const { debug, vmcoreinfoText, warnings, ...rest } = report;
  return { ...rest, warnings: warnings.slice(0, 20).map((warning) => warning.slice(0, 500)) };
}

/** Whether `next` says more of a crash than `known`: its file is the one to look at. */
export function saysMore(next: StoredReport, known: StoredReport): boolean {
  if (known.hwerr.kind !== next.hwerr.kind) return next.hwerr.kind === 'present';
  if (known.incomplete !== next.incomplete) return known.incomplete;
  if (next.hwerr.kind !== 'present' || known.hwerr.kind !== 'present') return false;
  const before = known.hwerr.categories;
  return next.hwerr.categories.some(({ count }, i) => count > (before[i]?.count ?? 0));
}

/**
 * What two reports say of one crash together. No count and no time goes down: a kernel only counts
 * up, so the higher number is the later one. A boot dies once, so the first crash time stays.
 */
export function merged(known: StoredReport, next: StoredReport): StoredReport {
  const [better, other] = saysMore(next, known) ? [next, known] : [known, next];
  return {
    ...better,
    buildId: better.buildId ?? other.buildId,
    nodename: known.nodename ?? next.nodename,
    bootId: known.bootId ?? next.bootId,
    crashTimeSeconds: known.crashTimeSeconds ?? next.crashTimeSeconds,
    panicMessage: better.panicMessage ?? other.panicMessage,
    hwerr: highest(better.hwerr, other.hwerr),
  };
}

function highest(better: Hwerr, other: Hwerr): Hwerr {
  if (better.kind !== 'present' || other.kind !== 'present') return better;
  return {
    kind: 'present',
    categories: better.categories.map((mine, i) => {
      const theirs = other.categories[i];
      const seconds = Math.max(
        mine.lastErrorTimestampSeconds ?? 0,
        theirs?.lastErrorTimestampSeconds ?? 0,
      );
      return {
        category: mine.category,
        count: Math.max(mine.count, theirs?.count ?? 0),
        lastErrorTimestampSeconds: seconds === 0 ? null : seconds,
      };
    }),
  };
}
