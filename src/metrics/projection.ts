// From what is known to what is exposed: pure functions, called once a scrape. No metric has a life
// of its own, so none can be stale, and all of one part of a scrape belong together.

import { FAILURE_REASONS } from '../failure.ts';
import type { IngestStatus } from '../ingest/ingest.ts';
import type { Crash, Ledger } from '../ledger/ledger.ts';
import { isSuspect, leadSeconds } from '../triage.ts';
import { CATEGORIES, type CrashReport, metricCategory } from '../vmcore/index.ts';
import type { MetricName } from './catalogue.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of some metrics; a metric without any is named all the same. */
export type PartialSamples = Readonly<Partial<Record<MetricName, readonly Sample[]>>>;
type SamplesOf<Names extends MetricName> = Readonly<Record<Names, readonly Sample[]>>;

/** No label is longer: kernels name their release with less, hostile dumps with anything. */
const MAX_LABEL = 256;

/** One category over many crashes. */
interface Tally {
  errors: number;
  lastSeconds: number;
  suspect: number;
}

/** What crashes say: of this host, or of one that crashed elsewhere. */
export function crashSamples(
  crashes: Iterable<Crash>,
  nowSeconds: number,
  suspectWindowSeconds: number,
): PartialSamples {
  const tallies = new Map<string, Tally>(
    CATEGORIES.map((category) => [category, { errors: 0, lastSeconds: 0, suspect: 0 }]),
  );
  let count = 0;
  let last: CrashReport | undefined;
  for (const { report } of crashes) {
    count++;
    addTo(tallies, report, suspectWindowSeconds);
    if (last === undefined || crashTime(report) >= crashTime(last)) last = report;
  }
  return {
    hwerr_recoverable_errors_total: each(tallies, ({ errors }) => errors),
    hwerr_last_error_timestamp_seconds: each(tallies, ({ lastSeconds }) => lastSeconds),
    hwerr_last_error_age_seconds: each(tallies, ({ lastSeconds }) =>
      lastSeconds === 0 ? undefined : Math.max(0, nowSeconds - lastSeconds),
    ),
    hwerr_suspect_crashes_total: each(tallies, ({ suspect }) => suspect),
    hwerr_crashes_total: one(count),
    ...lastCrashSamples(last),
  };
}

function lastCrashSamples(
  last: CrashReport | undefined,
): SamplesOf<
  | 'hwerr_last_crash_timestamp_seconds'
  | 'hwerr_last_crash_recoverable_errors'
  | 'hwerr_last_crash_error_lead_seconds'
  | 'hwerr_last_crash_info'
> {
  const counted = last?.hwerr.kind === 'present' ? last.hwerr.categories : [];
  return {
    hwerr_last_crash_timestamp_seconds: one(last === undefined ? 0 : crashTime(last)),
    hwerr_last_crash_recoverable_errors: CATEGORIES.map((category) => ({
      labels: { category },
      value: counted.find((counter) => counter.category === category)?.count ?? 0,
    })),
    // A lead below zero, from a clock that was set, would look like an error at the panic.
    hwerr_last_crash_error_lead_seconds: counted.flatMap((counter) => {
      const lead = leadSeconds(counter, last?.crashTimeSeconds ?? null);
      if (lead === undefined || lead < 0) return [];
      return [{ labels: { category: counter.category }, value: lead }];
    }),
    hwerr_last_crash_info: last === undefined ? [] : [{ labels: infoLabels(last), value: 1 }],
  };
}

function crashTime(report: CrashReport): number {
  return report.crashTimeSeconds ?? 0;
}

function addTo(tallies: Map<string, Tally>, report: CrashReport, windowSeconds: number): void {
  if (report.hwerr.kind !== 'present') return;
  const suspect = new Set<string>();
  for (const counter of report.hwerr.categories) {
    const category = metricCategory(counter.category);
    const tally = tallies.get(category);
    if (tally === undefined) continue;
    tally.errors += counter.count;
    tally.lastSeconds = Math.max(tally.lastSeconds, counter.lastErrorTimestampSeconds ?? 0);
    if (!isSuspect(leadSeconds(counter, report.crashTimeSeconds), windowSeconds)) continue;
    if (!suspect.has(category)) tally.suspect++;
    suspect.add(category);
  }
}

function infoLabels(report: CrashReport): Record<string, string> {
  return {
    kernel_release: report.kernelRelease.slice(0, MAX_LABEL),
    arch: report.arch,
    format: report.flattened ? `flattened ${report.container}` : report.container,
    compression: report.compression.join(',') || 'none',
    hwerr: report.hwerr.kind === 'present' ? 'present' : report.hwerr.reason,
  };
}

/** What the watching of directories and the decoding of files is doing. */
export function ingestSamples(ingest: IngestStatus): PartialSamples {
  const present = Object.entries(ingest.present);
  const byDirectory = (value: (status: IngestStatus['directories'][number]) => number): Sample[] =>
    ingest.directories.map((status) => ({
      labels: { directory: status.directory },
      value: value(status),
    }));
  return {
    hwerr_dumps_present: present.map(([state, files]) => ({
      labels: { state },
      value: files.length,
    })),
    hwerr_dumps_present_bytes: present.map(([state, files]) => ({
      labels: { state },
      value: files.reduce((sum, { size }) => sum + size, 0),
    })),
    hwerr_dumps_discovered_total: one(ingest.discovered),
    hwerr_dumps_decoded_total: one(ingest.decoded),
    hwerr_decode_queue_length: one(ingest.queueLength),
    hwerr_decodes_in_progress: one(ingest.decodesInProgress),
    hwerr_last_decode_timestamp_seconds: one(ingest.lastDecodeSeconds),
    hwerr_directory_up: byDirectory(({ up }) => (up ? 1 : 0)),
    hwerr_last_scan_timestamp_seconds: byDirectory(({ lastScanSeconds }) => lastScanSeconds),
    hwerr_scan_duration_seconds: byDirectory(({ scanDurationSeconds }) => scanDurationSeconds),
    hwerr_watch_events_total: one(ingest.watchEvents),
    hwerr_watch_errors_total: one(ingest.watchErrors),
  };
}

/** Files that gave no counters. */
export function failureSamples(
  ledger: Pick<Ledger, 'failures' | 'dumpsWithoutHwerr'>,
): PartialSamples {
  const failures = ledger.failures();
  return {
    hwerr_dumps_without_hwerr_data_total: one(ledger.dumpsWithoutHwerr()),
    hwerr_dump_decode_failures_total: FAILURE_REASONS.map((reason) => ({
      labels: { reason },
      value: failures.get(reason) ?? 0,
    })),
  };
}

/** @param armed undefined where the machine does not say: then there is no sample. */
export function kexecSamples(armed: boolean | undefined): PartialSamples {
  return { hwerr_kexec_crash_loaded: armed === undefined ? [] : one(armed ? 1 : 0) };
}

export interface Build {
  readonly version: string;
  readonly revision: string;
  readonly nodeVersion: string;
}

export function buildSamples({ version, revision, nodeVersion }: Build): PartialSamples {
  const labels = { version, revision, node_version: nodeVersion };
  return { hwerr_exporter_build_info: [{ labels, value: 1 }] };
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** One sample a category; none where `value` is undefined. */
function each(
  tallies: ReadonlyMap<string, Tally>,
  value: (tally: Tally) => number | undefined,
): Sample[] {
  return [...tallies].flatMap(([category, tally]) => {
    const result = value(tally);
    return result === undefined ? [] : [{ labels: { category }, value: result }];
  });
}
