// One crash as stored in the ledger, and how reports of the same crash are merged. Pure.

import type { CrashReport } from '../vmcore/index.ts';
import { type Verdict, verdictOf } from '../triage.ts';
import { keptEvents, mergedLogs } from './logs.ts';
import type { HwerrCategory } from '../vmcore/index.ts';
import type { HostSource } from './host-name.ts';

/** A report without the lines that only serve to distinguish crashes. */
export type StoredReport = Omit<CrashReport, 'vmcoreinfoLines'>;

/** A crash without its files. All times are Unix seconds. */
export interface CountedCrash {
  /** The published id, which further reports of the crash do not change. */
  readonly id: string;
  /** Number of the crash in the ledger, from 1, in the order of recording. */
  readonly sequence: number;
  /** The host for which it is counted. A fallback is replaced when the host becomes known. */
  readonly host: string;
  readonly hostSource: HostSource;
  /** Time of recording. */
  readonly recordedSeconds: number;
  /** Time of the crash if plausible, otherwise that of recording; crashes are ordered by it. */
  readonly orderedSeconds: number;
  readonly report: StoredReport;
  /** The verdict at the time of recording; renewed only when a report adds to the crash. */
  readonly verdict: Verdict;
  /** The suspect window of that verdict, which never changes. */
  readonly suspectWindowSeconds: number;
}

/** A crash with its files. */
export interface Crash extends CountedCrash {
  /** Files that describe it, newest first. They may no longer exist. */
  readonly paths: readonly string[];
}

const MAX_WARNINGS = 20;
const MAX_WARNING_LENGTH = 500;

/** Returns what is stored of a report: no VMCOREINFO, at most 100 events, and 20 warnings of 500 characters. */
export function storedReport({ vmcoreinfoLines, warnings, ...rest }: CrashReport): StoredReport {
  return {
    ...rest,
    ...keptEvents(rest),
    warnings: warnings.slice(0, MAX_WARNINGS).map((text) => text.slice(0, MAX_WARNING_LENGTH)),
  };
}

/** 2005-01-01. A machine without a battery-backed clock starts in 1970, and no supported kernel is that old. */
const EARLIEST_SECONDS = 1_104_537_600;
/** Clocks of two machines that use NTP differ by less. */
const SKEW_SECONDS = 60;

/**
 * Returns the plausible time of a crash, Unix seconds: its crash time, unless that is missing, before 2005 or
 * after the time of recording, which is used then. Crashes are ordered by it everywhere, and by `sequence` if
 * equal.
 */
function orderedSeconds(crashTimeSeconds: number | null, recordedSeconds: number): number {
  if (crashTimeSeconds === null || crashTimeSeconds < EARLIEST_SECONDS) return recordedSeconds;
  const isClockSet = recordedSeconds >= EARLIEST_SECONDS;
  const isLater = crashTimeSeconds > recordedSeconds + SKEW_SECONDS;
  return isClockSet && isLater ? recordedSeconds : crashTimeSeconds;
}

/** Sorts newest first, in the order of the ledger's queries. */
export function byNewest(
  a: Pick<Crash, 'orderedSeconds' | 'sequence'>,
  b: Pick<Crash, 'orderedSeconds' | 'sequence'>,
): number {
  return b.orderedSeconds - a.orderedSeconds || b.sequence - a.sequence;
}

/** Age of a crash at recording from which on it counts as found late. */
export const LATE_SECONDS = 14 * 86_400;

/** Whether the crash was more than 14 days old when it was recorded. */
export function isFoundLate({
  recordedSeconds,
  orderedSeconds: happened,
}: Pick<Crash, 'recordedSeconds' | 'orderedSeconds'>): boolean {
  return recordedSeconds - happened > LATE_SECONDS;
}

/** Returns the crash with this report, and with order and verdict derived from it. */
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

/** Ranks what a report says about the counters; a dump always says more than a pstore record. */
function rank({ hwerr }: StoredReport): number {
  if (hwerr.kind === 'absent') return hwerr.reason === 'pstore' ? 0 : 2;
  return hwerr.kind === 'present' ? 3 : 1;
}

/** Whether the crash is known only from a pstore record, without a dump. */
export function isOfPstore({ hwerr }: Pick<StoredReport, 'hwerr'>): boolean {
  return hwerr.kind === 'absent' && hwerr.reason === 'pstore';
}

/** Whether `next` says more about a crash than `known`. */
function saysMore(next: StoredReport, known: StoredReport): boolean {
  const byKind = rank(next) - rank(known);
  if (byKind !== 0) return byKind > 0;
  if (known.incomplete !== next.incomplete) return known.incomplete;
  if (next.hwerr.kind !== 'present' || known.hwerr.kind !== 'present') return false;
  const before = countsOf(known.hwerr.categories);
  return next.hwerr.categories.some(({ category, count }) => count > (before.get(category) ?? 0));
}

/**
 * Merges two reports of one crash. No count and no time decreases: the kernel only counts up, so the higher
 * count is the later one. Identifiers that both reports have are equal.
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

/**
 * Returns the later time; but a time after the crash, from a clock that was set, never replaces one before
 * it.
 */
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
