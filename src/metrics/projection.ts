// From what is known to what is exposed: a pure function, called once a scrape. No metric has a life
// of its own, so none can be stale, and all of one scrape belong together.

import { FAILURE_REASONS } from '../failure.ts';
import type { IngestStatus } from '../ingest/ingest.ts';
import type { Crash, LedgerView, Summary, Tally } from '../ledger/ledger.ts';
import { CATEGORIES } from '../vmcore/index.ts';
import type { MetricName } from './catalogue.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything metrics are made from. */
export interface MetricsState {
  readonly ledger: LedgerView;
  /** Whether the hosts have metrics of their own. */
  readonly central: boolean;
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
  return {
    ...crashSamples(state.ledger.total(), state.nowSeconds),
    ...ingestSamples(state),
    ...failureSamples(state),
    ...ledgerSamples(state),
  };
}

type SamplesOf<Names extends MetricName> = Readonly<Record<Names, readonly Sample[]>>;

/** The samples of all crashes, or of those of one host. */
export function crashSamples(
  { crashes, byCategory, lastCrash }: Summary,
  nowSeconds: number,
): SamplesOf<
  | 'hwerr_recoverable_errors_total'
  | 'hwerr_last_error_timestamp_seconds'
  | 'hwerr_last_error_age_seconds'
  | 'hwerr_suspect_crashes_total'
  | 'hwerr_crashes_total'
  | 'hwerr_last_crash_timestamp_seconds'
  | 'hwerr_last_crash_recoverable_errors'
  | 'hwerr_last_crash_error_lead_seconds'
  | 'hwerr_last_crash_info'
> {
  const ofLast = lastCrashTallies(lastCrash);
  const lastTime = lastCrash?.report.crashTimeSeconds ?? 0;
  return {
    hwerr_recoverable_errors_total: each(byCategory, ({ errors }) => errors),
    hwerr_last_error_timestamp_seconds: each(byCategory, ({ lastSeconds }) => lastSeconds),
    hwerr_last_error_age_seconds: each(byCategory, ({ lastSeconds }) =>
      lastSeconds === 0 ? undefined : Math.max(0, nowSeconds - lastSeconds),
    ),
    hwerr_suspect_crashes_total: each(byCategory, ({ suspectCrashes }) => suspectCrashes),
    hwerr_crashes_total: one(crashes),
    hwerr_last_crash_timestamp_seconds: one(lastTime),
    hwerr_last_crash_recoverable_errors: each(ofLast, ({ errors }) => errors),
    hwerr_last_crash_error_lead_seconds: each(ofLast, ({ lastSeconds }) =>
      lastSeconds === 0 || lastTime === 0 ? undefined : Math.max(0, lastTime - lastSeconds),
    ),
    hwerr_last_crash_info:
      lastCrash === undefined ? [] : [{ labels: infoLabels(lastCrash.report), value: 1 }],
  };
}

type LastTally = Pick<Tally, 'errors' | 'lastSeconds'>;

function lastCrashTallies(crash: Crash | undefined): Map<string, LastTally> {
  const hwerr = crash?.report.hwerr;
  const found = hwerr?.kind === 'present' ? hwerr.categories : [];
  return new Map(
    CATEGORIES.map((name) => {
      const tally = found.find(({ category }) => category === name);
      const lastSeconds = tally?.lastErrorTimestampSeconds ?? 0;
      return [name, { errors: tally?.count ?? 0, lastSeconds }];
    }),
  );
}

function infoLabels(report: Crash['report']): Record<string, string> {
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
      value: failures[reason] ?? 0,
    })),
  };
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** One sample a category; none where `value` is undefined. */
function each<T>(
  tallies: ReadonlyMap<string, T>,
  value: (tally: T) => number | undefined,
): Sample[] {
  return [...tallies].flatMap(([category, tally]) => {
    const result = value(tally);
    return result === undefined ? [] : [{ labels: { category }, value: result }];
  });
}

const LEDGER_STATES: readonly LedgerView['state']['kind'][] = [
  'ready',
  'full',
  'read_only',
  'io',
  'damaged',
  'newer',
  'busy',
];

function ledgerSamples({
  ledger,
  central,
}: MetricsState): SamplesOf<
  | 'hwerr_ledger_state'
  | 'hwerr_ledger_writes_total'
  | 'hwerr_ledger_write_failures_total'
  | 'hwerr_ledgers_set_aside'
  | 'hwerr_hosts_tracked'
  | 'hwerr_hosts_limit'
  | 'hwerr_hosts_dropped_total'
> {
  const { tracked, limit, dropped } = ledger.hostCounts();
  const inCentralMode = (value: number): Sample[] => (central ? one(value) : []);
  return {
    hwerr_ledger_state: LEDGER_STATES.map((state) => ({
      labels: { state },
      value: ledger.state.kind === state ? 1 : 0,
    })),
    hwerr_ledger_writes_total: one(ledger.writes),
    hwerr_ledger_write_failures_total: one(ledger.writeFailures),
    hwerr_ledgers_set_aside: one(ledger.setAside),
    hwerr_hosts_tracked: inCentralMode(tracked),
    hwerr_hosts_limit: inCentralMode(limit),
    hwerr_hosts_dropped_total: inCentralMode(dropped),
  };
}
