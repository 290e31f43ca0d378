// From what is known to what is exposed: a pure function, called once a scrape. No metric has a life
// of its own, so none can be stale, and all of one scrape belong together.

import { FAILURE_REASONS } from '../failure.ts';
import type { IngestStatus } from '../ingest/ingest.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { CATEGORIES, type CrashReport, metricCategory } from '../vmcore/index.ts';
import type { MetricName } from './catalogue.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything metrics are made from. */
export interface MetricsState {
  readonly ledger: Ledger;
  readonly ingest: IngestStatus;
  /** Time of the scrape, Unix seconds. */
  readonly nowSeconds: number;
  readonly version: string;
  readonly nodeVersion: string;
}

/** The samples of every metric but the histogram, which is observed as it happens. */
export type Samples = Readonly<
  Record<Exclude<MetricName, 'hwerr_dump_decode_duration_seconds'>, readonly Sample[]>
>;

export function project(state: MetricsState): Samples {
  return { ...crashSamples(state), ...ingestSamples(state), ...failureSamples(state) };
}

type SamplesOf<Names extends MetricName> = Readonly<Record<Names, readonly Sample[]>>;

/** Count and last time of one category, over one crash or many. */
interface Tally {
  errors: number;
  lastSeconds: number;
}

function crashSamples({
  ledger,
  nowSeconds,
}: MetricsState): SamplesOf<
  | 'hwerr_recoverable_errors_total'
  | 'hwerr_last_error_timestamp_seconds'
  | 'hwerr_last_error_age_seconds'
  | 'hwerr_crashes_total'
  | 'hwerr_last_crash_timestamp_seconds'
  | 'hwerr_last_crash_recoverable_errors'
  | 'hwerr_last_crash_error_lead_seconds'
  | 'hwerr_last_crash_info'
> {
  const total = emptyTallies();
  let crashes = 0;
  let last: CrashReport | undefined;
  for (const { report } of ledger.crashes()) {
    crashes++;
    addTo(total, report);
    if (last === undefined || crashTime(report) >= crashTime(last)) last = report;
  }
  const ofLast = emptyTallies();
  if (last !== undefined) addTo(ofLast, last);
  const lastTime = last === undefined ? 0 : crashTime(last);
  return {
    hwerr_recoverable_errors_total: each(total, ({ errors }) => errors),
    hwerr_last_error_timestamp_seconds: each(total, ({ lastSeconds }) => lastSeconds),
    hwerr_last_error_age_seconds: each(total, ({ lastSeconds }) =>
      lastSeconds === 0 ? undefined : Math.max(0, nowSeconds - lastSeconds),
    ),
    hwerr_crashes_total: one(crashes),
    hwerr_last_crash_timestamp_seconds: one(lastTime),
    hwerr_last_crash_recoverable_errors: each(ofLast, ({ errors }) => errors),
    hwerr_last_crash_error_lead_seconds: each(ofLast, ({ lastSeconds }) =>
      lastSeconds === 0 || lastTime === 0 ? undefined : Math.max(0, lastTime - lastSeconds),
    ),
    hwerr_last_crash_info: last === undefined ? [] : [{ labels: infoLabels(last), value: 1 }],
  };
}

function crashTime(report: CrashReport): number {
  return report.crashTimeSeconds ?? 0;
}

function emptyTallies(): Map<string, Tally> {
  return new Map(CATEGORIES.map((category) => [category, { errors: 0, lastSeconds: 0 }]));
}

function addTo(tallies: Map<string, Tally>, { hwerr }: CrashReport): void {
  if (hwerr.kind !== 'present') return;
  for (const { category, count, lastErrorTimestampSeconds } of hwerr.categories) {
    const tally = tallies.get(metricCategory(category));
    if (tally === undefined) continue;
    tally.errors += count;
    tally.lastSeconds = Math.max(tally.lastSeconds, lastErrorTimestampSeconds ?? 0);
  }
}

function infoLabels(report: CrashReport): Record<string, string> {
  return {
    kernel_release: report.kernelRelease,
    arch: report.arch,
    format: report.flattened ? `flattened ${report.container}` : report.container,
    compression: report.compression.join(',') || 'none',
    hwerr: report.hwerr.kind === 'present' ? 'present' : report.hwerr.reason,
  };
}

function ingestSamples({
  ingest,
  version,
  nodeVersion,
}: MetricsState): SamplesOf<
  | 'hwerr_dumps_present'
  | 'hwerr_dumps_present_bytes'
  | 'hwerr_dumps_discovered_total'
  | 'hwerr_dumps_decoded_total'
  | 'hwerr_decode_queue_length'
  | 'hwerr_decodes_in_progress'
  | 'hwerr_last_decode_timestamp_seconds'
  | 'hwerr_directory_up'
  | 'hwerr_last_scan_timestamp_seconds'
  | 'hwerr_scan_duration_seconds'
  | 'hwerr_watch_events_total'
  | 'hwerr_watch_errors_total'
  | 'hwerr_exporter_build_info'
> {
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
    hwerr_exporter_build_info: [{ labels: { version, node_version: nodeVersion }, value: 1 }],
  };
}

function failureSamples({
  ledger,
}: MetricsState): SamplesOf<
  'hwerr_dump_decode_failures_total' | 'hwerr_dumps_without_hwerr_data_total'
> {
  const failures = ledger.failures();
  return {
    hwerr_dumps_without_hwerr_data_total: one(ledger.dumpsWithoutHwerr()),
    hwerr_dump_decode_failures_total: FAILURE_REASONS.map((reason) => ({
      labels: { reason },
      value: failures.get(reason) ?? 0,
    })),
  };
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
