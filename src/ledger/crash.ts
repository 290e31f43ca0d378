// One crash as the ledger keeps it, and what two files that describe it say together. Pure.

import type { CrashReport } from '../vmcore/index.ts';
import { type Verdict, verdictOf } from '../triage.ts';
import { keptEvents, mergedLogs } from './logs.ts';
import type { HwerrCategory } from '../vmcore/index.ts';
import type { HostSource } from './host-name.ts';

/** A report without what only distinguishes crashes. */
export type StoredReport = Omit<CrashReport, 'vmcoreinfoLines'>;

/** A crash as it is counted. All times are Unix seconds. */
export interface CountedCrash {
  /** Published; stays the same whatever other reports of the crash add. */
  readonly id: string;
  /** Number of the crash in the ledger, from 1, in the order in which they became known. */
  readonly sequence: number;
  /** The host it is counted for. A fallback is replaced by what is said later. */
  readonly host: string;
  readonly hostSource: HostSource;
  /** When it became known. */
  readonly recordedSeconds: number;
  /** When it happened, as far as that can be believed; crashes are ordered by it. */
  readonly orderedSeconds: number;
  readonly report: StoredReport;
  /** Judged when it was recorded, and again only when more became known. */
  readonly verdict: Verdict;
  /** The suspect window it was judged by, which stays the same. */
  readonly suspectWindowSeconds: number;
}

/** A crash as it is shown. */
export interface Crash extends CountedCrash {
  /** Files that describe it, the newest first. They may be gone. */
  readonly paths: readonly string[];
}

const MAX_WARNINGS = 20;
const MAX_WARNING_LENGTH = 500;

/** What is kept of a report: no VMCOREINFO, 100 events, 20 warnings of 500 characters each. */
export function storedReport({ vmcoreinfoLines, warnings, ...rest }: CrashReport): StoredReport {
  return {
    ...rest,
    ...keptEvents(rest),
    warnings: warnings.slice(0, MAX_WARNINGS).map((text) => text.slice(0, MAX_WARNING_LENGTH)),
  };
}

/** 2005-01-01: a machine without a clock of its own starts in 1970, and no kernel here is that old. */
const EARLIEST_SECONDS = 1_104_537_600;
/** Clocks of two machines that are set by NTP differ by less. */
const SKEW_SECONDS = 60;

/**
 * When a crash happened, as far as that can be believed, Unix seconds: its crash time, unless that is
 * missing, before 2005, or after the crash was recorded; then the time of recording. Crashes are
 * ordered by it everywhere, and by `sequence` where it is equal.
 */
function orderedSeconds(crashTimeSeconds: number | null, recordedSeconds: number): number {
  if (crashTimeSeconds === null || crashTimeSeconds < EARLIEST_SECONDS) return recordedSeconds;
  const isClockSet = recordedSeconds >= EARLIEST_SECONDS;
  const isLater = crashTimeSeconds > recordedSeconds + SKEW_SECONDS;
  return isClockSet && isLater ? recordedSeconds : crashTimeSeconds;
}

/** Sorts the newest crash first, as the ledger's queries do. */
export function byNewest(
  a: Pick<Crash, 'orderedSeconds' | 'sequence'>,
  b: Pick<Crash, 'orderedSeconds' | 'sequence'>,
): number {
  return b.orderedSeconds - a.orderedSeconds || b.sequence - a.sequence;
}

export const LATE_SECONDS = 14 * 86_400;

/** Whether the crash was more than 14 days old when it became known. */
export function isFoundLate({
  recordedSeconds,
  orderedSeconds: happened,
}: Pick<Crash, 'recordedSeconds' | 'orderedSeconds'>): boolean {
  return recordedSeconds - happened > LATE_SECONDS;
}

/** The crash with what a report adds to it, ordered and judged again. */
export function withReport<Known extends Pick<Crash, 'recordedSeconds' | 'suspectWindowSeconds'>>(
  crash: Known,
  report: StoredReport,
): Known & Pick<Crash, 'report' | 'orderedSeconds' | 'verdict'> {
  return {
    ...crash,
    report,
    orderedSeconds: orderedSeconds(report.crashTimeSeconds, crash.recordedSeconds),
    verdict: verdictOf(report, crash.suspectWindowSeconds),
  };
}

/** How much a report says of the counters; a dump always says more than what pstore kept. */
function rank({ hwerr }: StoredReport): number {
  if (hwerr.kind === 'absent') return hwerr.reason === 'pstore' ? 0 : 2;
  return hwerr.kind === 'present' ? 3 : 1;
}

/** Whether there is no dump, only a record in pstore. */
export function isOfPstore({ hwerr }: Pick<StoredReport, 'hwerr'>): boolean {
  return hwerr.kind === 'absent' && hwerr.reason === 'pstore';
}

/** Whether `next` says more of a crash than `known`. */
function saysMore(next: StoredReport, known: StoredReport): boolean {
  const byKind = rank(next) - rank(known);
  if (byKind !== 0) return byKind > 0;
  if (known.incomplete !== next.incomplete) return known.incomplete;
  if (next.hwerr.kind !== 'present' || known.hwerr.kind !== 'present') return false;
  const before = countsOf(known.hwerr.categories);
  return next.hwerr.categories.some(({ category, count }) => count > (before.get(category) ?? 0));
}

/**
 * What two reports say of one crash together. No count and no time goes down: a kernel only counts
 * up, so the higher number is the later one. Marks that are there on both sides are equal.
 */
export function merged(known: StoredReport, next: StoredReport): StoredReport {
  const [better, other] = saysMore(next, known) ? [next, known] : [known, next];
  const crashTimeSeconds = isOfPstore(known)
    ? (better.crashTimeSeconds ?? other.crashTimeSeconds)
    : (known.crashTimeSeconds ?? next.crashTimeSeconds);
  return {
    ...better,
    ...mergedLogs(known, next),
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
): StoredReport['hwerr'] {
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
