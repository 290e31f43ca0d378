// Samples of crashes, made from the ledger's totals: of the newest crash, of the one recorded last, and of
// the last suspect ones. Alerts use the latter two, whose samples have the id of the crash.

import { type CrashErrors, crashErrors } from '../ledger/crash-errors.ts';
import { isFoundLate } from '../ledger/crash.ts';
import type { CategoryTotals, CountedCrash, StoredReport, Totals } from '../ledger/ledger.ts';
import { errorOf } from '../triage.ts';
import { CATEGORIES } from '../vmcore/index.ts';
import { logSamples } from './log-projection.ts';
import { type PartialSamples, type Sample, type SamplesOf, labelText, one } from './sample.ts';

/** Parameters of crash samples besides the totals. */
export interface CrashContext {
  readonly nowSeconds: number;
  /**
   * Whether the crashes found in the first pass over the directories are recorded. Before that there are no
   * crash samples: a counter would jump from 0 because of old crashes.
   */
  readonly isFirstPassRecorded: boolean;
}

/** Returns the samples of crashes, for this host or for one host in central mode. */
export function crashSamples(
  totals: Totals,
  { nowSeconds, isFirstPassRecorded }: CrashContext,
): PartialSamples {
  const { byCategory, lastCrash, lastRecorded } = totals;
  const samples: PartialSamples = {
    ...(totals.isFallback ? {} : crashCounters(totals)),
    hwerr_last_error_timestamp_seconds: each(byCategory, ({ lastSeconds }) => lastSeconds),
    hwerr_last_error_age_seconds: each(byCategory, ({ lastSeconds }) =>
      lastSeconds === 0 ? undefined : Math.max(0, nowSeconds - lastSeconds),
    ),
    hwerr_recent_crashes: one(totals.recordedWithinDay(nowSeconds)),
    hwerr_recent_suspect_crashes: CATEGORIES.map((category) => ({
      labels: { category },
      value: totals.recentSuspects(category, nowSeconds),
    })),
    ...lastCrashSamples(lastCrash),
    ...lastRecordedSamples(lastRecorded),
    ...lastSuspectSamples(byCategory),
    ...logSamples(totals),
  };
  if (isFirstPassRecorded) return samples;
  return Object.fromEntries(Object.keys(samples).map((name) => [name, []]));
}

/** Returns counters; not used for unknown hosts, whose totals decrease when the host of a crash becomes known. */
function crashCounters({ crashes, byCategory }: Totals): PartialSamples {
  return {
    hwerr_recoverable_errors_total: each(byCategory, ({ errors }) => errors),
    hwerr_suspect_crashes_total: each(byCategory, ({ suspectCrashes }) => suspectCrashes),
    hwerr_crashes_total: one(crashes),
  };
}

function lastCrashSamples(
  crash: CountedCrash | undefined,
): SamplesOf<
  | 'hwerr_last_crash_timestamp_seconds'
  | 'hwerr_last_crash_recoverable_errors'
  | 'hwerr_last_crash_error_lead_seconds'
  | 'hwerr_last_crash_suspect'
  | 'hwerr_last_crash_info'
> {
  const last = crash?.report;
  const errors = crash === undefined ? NO_ERRORS : crashErrors(crash);
  return {
    hwerr_last_crash_timestamp_seconds: one(last?.crashTimeSeconds ?? 0),
    // Without a crash there are 0 errors; with a crash whose counters were not read, the number is unknown.
    hwerr_last_crash_recoverable_errors: errors.map(({ category, count }) => ({
      labels: { category },
      value: count,
    })),
    // A negative lead, from a clock that was set, would look like an error at the panic.
    hwerr_last_crash_error_lead_seconds: errors.flatMap(({ category, leadSeconds }) =>
      leadSeconds === null || leadSeconds < 0 ? [] : [{ labels: { category }, value: leadSeconds }],
    ),
    hwerr_last_crash_suspect: errors.map(({ category, isSuspect }) => ({
      labels: { category },
      value: isSuspect ? 1 : 0,
    })),
    hwerr_last_crash_info: last === undefined ? [] : [{ labels: infoLabels(last), value: 1 }],
  };
}

/** The errors if there is no crash at all. */
const NO_ERRORS: readonly Pick<CrashErrors, 'category' | 'count' | 'leadSeconds' | 'isSuspect'>[] =
  CATEGORIES.map((category) => ({ category, count: 0, leadSeconds: null, isSuspect: false }));

/** Returns the samples of the last recorded crash, whenever it happened; alerts refer to it. */
function lastRecordedSamples(
  crash: CountedCrash | undefined,
): SamplesOf<
  | 'hwerr_last_crash_recorded_timestamp_seconds'
  | 'hwerr_last_recorded_crash_info'
  | 'hwerr_last_recorded_crash_cause_info'
  | 'hwerr_last_recorded_crash_timestamp_seconds'
  | 'hwerr_last_recorded_crash_errors'
> {
  if (crash === undefined) {
    return {
      hwerr_last_crash_recorded_timestamp_seconds: one(0),
      hwerr_last_recorded_crash_info: [],
      hwerr_last_recorded_crash_cause_info: [],
      hwerr_last_recorded_crash_timestamp_seconds: [],
      hwerr_last_recorded_crash_errors: [],
    };
  }
  const { id, recordedSeconds, report } = crash;
  const info = {
    crash: id,
    kernel_release: labelText(report.kernelRelease),
    found_late: String(isFoundLate(crash)),
  };
  return {
    hwerr_last_crash_recorded_timestamp_seconds: one(recordedSeconds),
    hwerr_last_recorded_crash_info: [{ labels: info, value: 1 }],
    hwerr_last_recorded_crash_cause_info: [{ labels: causeLabels(crash), value: 1 }],
    hwerr_last_recorded_crash_timestamp_seconds:
      report.crashTimeSeconds === null
        ? []
        : [{ labels: { crash: id }, value: report.crashTimeSeconds }],
    hwerr_last_recorded_crash_errors: crashErrors(crash).map(({ category, count }) => ({
      labels: { crash: id, category },
      value: count,
    })),
  };
}

function causeLabels({ id, verdict }: CountedCrash): Record<string, string> {
  const error = errorOf(verdict);
  return {
    crash: id,
    verdict: verdict.kind,
    category: error?.category ?? '',
    part: labelText(error?.part ?? ''),
  };
}

/** Returns the samples of the crash of each category that was last recorded as suspect. */
function lastSuspectSamples(
  byCategory: Totals['byCategory'],
): SamplesOf<
  | 'hwerr_last_suspect_crash_recorded_timestamp_seconds'
  | 'hwerr_last_suspect_crash_info'
  | 'hwerr_last_suspect_crash_timestamp_seconds'
  | 'hwerr_last_suspect_crash_errors'
  | 'hwerr_last_suspect_crash_error_lead_seconds'
> {
  const suspects = [...byCategory].flatMap(([category, { lastSuspect }]) => {
    if (lastSuspect === undefined) return [];
    const { crash } = lastSuspect;
    const errors = crashErrors(crash).find((one) => one.category === category);
    return [{ crash, errors, labels: { category, crash: crash.id } }];
  });
  const evidence = (value: (suspect: (typeof suspects)[number]) => number | null | undefined) =>
    suspects.flatMap((suspect): Sample[] => {
      const result = value(suspect);
      return typeof result === 'number' ? [{ labels: suspect.labels, value: result }] : [];
    });
  return {
    hwerr_last_suspect_crash_recorded_timestamp_seconds: each(
      byCategory,
      ({ lastSuspect }) => lastSuspect?.recordedSeconds ?? 0,
    ),
    hwerr_last_suspect_crash_info: suspects.map(({ crash, labels }) => ({
      labels: { ...labels, found_late: String(isFoundLate(crash)) },
      value: 1,
    })),
    hwerr_last_suspect_crash_timestamp_seconds: evidence(
      ({ crash }) => crash.report.crashTimeSeconds,
    ),
    hwerr_last_suspect_crash_errors: evidence(({ errors }) => errors?.count),
    hwerr_last_suspect_crash_error_lead_seconds: evidence(({ errors }) => errors?.leadSeconds),
  };
}

function infoLabels(report: StoredReport): Record<string, string> {
  return {
    kernel_release: labelText(report.kernelRelease),
    arch: report.arch,
    format: report.flattened ? `flattened ${report.container}` : report.container,
    compression: report.compression.join(',') || 'none',
    hwerr: report.hwerr.kind === 'present' ? 'present' : report.hwerr.reason,
  };
}

/** Returns one sample per category, except where `value` returns undefined. */
function each(
  categories: Totals['byCategory'],
  value: (totals: CategoryTotals) => number | undefined,
): Sample[] {
  return [...categories].flatMap(([category, totals]) => {
    const result = value(totals);
    return result === undefined ? [] : [{ labels: { category }, value: result }];
  });
}
