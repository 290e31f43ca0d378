// From what is known to what is exposed: pure functions, called once a scrape. No metric has a life
// of its own, so none can be stale, and all of one part of a scrape belong together.

import { FAILURE_REASONS } from '../failure.ts';
import type { IngestStatus } from '../ingest/ingest.ts';
import type { LiveState } from '../host/live.ts';
import type {
  CategoryTotals,
  HostCounts,
  LedgerStatus,
  LedgerView,
  StoredReport,
  Totals,
} from '../ledger/ledger.ts';
import { leadSeconds } from '../triage.ts';
import { CATEGORIES, type HwerrCategory, metricCategory } from '../vmcore/index.ts';
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

/** What crashes say: of this host, or of one that crashed elsewhere. */
export function crashSamples(totals: Totals, nowSeconds: number): PartialSamples {
  const { byCategory, lastCrash } = totals;
  return {
    ...(totals.isFallback ? {} : crashCounters(totals)),
    hwerr_last_error_timestamp_seconds: each(byCategory, ({ lastSeconds }) => lastSeconds),
    hwerr_last_error_age_seconds: each(byCategory, ({ lastSeconds }) =>
      lastSeconds === 0 ? undefined : Math.max(0, nowSeconds - lastSeconds),
    ),
    ...lastCrashSamples(lastCrash?.report),
  };
}

/** Of a host that is known: a crash leaves those of which it is not, and a counter goes up only. */
function crashCounters({ crashes, byCategory }: Totals): PartialSamples {
  return {
    hwerr_recoverable_errors_total: each(byCategory, ({ errors }) => errors),
    hwerr_suspect_crashes_total: each(byCategory, ({ suspectCrashes }) => suspectCrashes),
    hwerr_crashes_total: one(crashes),
  };
}

function lastCrashSamples(
  last: StoredReport | undefined,
): SamplesOf<
  | 'hwerr_last_crash_timestamp_seconds'
  | 'hwerr_last_crash_recoverable_errors'
  | 'hwerr_last_crash_error_lead_seconds'
  | 'hwerr_last_crash_info'
> {
  const counters = last?.hwerr.kind === 'present' ? last.hwerr.categories : [];
  const inCategory = (category: string): readonly HwerrCategory[] =>
    counters.filter((counter) => metricCategory(counter.category) === category);
  return {
    hwerr_last_crash_timestamp_seconds: one(last?.crashTimeSeconds ?? 0),
    // Without a crash there are no errors; with one whose counters were not read, nothing is known.
    hwerr_last_crash_recoverable_errors: (last === undefined || last.hwerr.kind === 'present'
      ? CATEGORIES
      : []
    ).map((category) => ({
      labels: { category },
      value: inCategory(category).reduce((sum, { count }) => sum + count, 0),
    })),
    // A lead below zero, from a clock that was set, would look like an error at the panic.
    hwerr_last_crash_error_lead_seconds: CATEGORIES.flatMap((category) => {
      const leads = inCategory(category)
        .map((counter) => last && leadSeconds(counter, last))
        .filter((lead): lead is number => lead !== undefined && lead >= 0);
      return leads.length === 0 ? [] : [{ labels: { category }, value: Math.min(...leads) }];
    }),
    hwerr_last_crash_info: last === undefined ? [] : [{ labels: infoLabels(last), value: 1 }],
  };
}

function infoLabels(report: StoredReport): Record<string, string> {
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
  ledger: Pick<LedgerView, 'failures' | 'dumpsWithoutHwerr'>,
): PartialSamples {
  const failures = ledger.failures();
  return {
    hwerr_dumps_without_hwerr_data_total: one(ledger.dumpsWithoutHwerr()),
    hwerr_dump_decode_failures_total: FAILURE_REASONS.map((reason) => ({
      labels: { reason },
      value: failures[reason] ?? 0,
    })),
  };
}

const LEDGER_STATES: readonly LedgerStatus['state']['kind'][] = [
  'ready',
  'full',
  'read_only',
  'io',
  'damaged',
  'newer',
  'busy',
];

/** Whether what is learned is kept. */
export function ledgerSamples({
  state,
  writes,
  writeFailures,
  setAside,
}: Pick<LedgerStatus, 'state' | 'writes' | 'writeFailures' | 'setAside'>): PartialSamples {
  return {
    hwerr_ledger_state: LEDGER_STATES.map((kind) => ({
      labels: { state: kind },
      value: state.kind === kind ? 1 : 0,
    })),
    hwerr_ledger_writes_total: one(writes),
    hwerr_ledger_write_failures_total: one(writeFailures),
    hwerr_ledgers_set_aside: one(setAside),
  };
}

/** Whose crashes have metrics; undefined in node mode. */
export function hostSamples(hosts: HostCounts | undefined): PartialSamples {
  return {
    hwerr_hosts_tracked: hosts === undefined ? [] : one(hosts.tracked),
    hwerr_hosts_limit: hosts === undefined ? [] : one(hosts.limit),
    hwerr_hosts_dropped_total: hosts === undefined ? [] : one(hosts.dropped),
  };
}

/** What the running kernel has counted; nothing at all where nobody asked. */
export function liveSamples(live: LiveState): PartialSamples {
  if (live.kind === 'off') return {};
  const { categories, source } =
    live.kind === 'present' ? live : { categories: [], source: undefined };
  const samples = (value: (counters: readonly HwerrCategory[]) => number): Sample[] =>
    (live.kind === 'present' ? CATEGORIES : []).map((category) => ({
      labels: { category },
      value: value(categories.filter((one) => metricCategory(one.category) === category)),
    }));
  return {
    hwerr_live_recoverable_errors_total: samples((counters) =>
      counters.reduce((sum, { count }) => sum + count, 0),
    ),
    hwerr_live_last_error_timestamp_seconds:
      source === 'sysfs'
        ? []
        : samples((counters) =>
            Math.max(0, ...counters.map((one) => one.lastErrorTimestampSeconds ?? 0)),
          ),
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
  categories: Totals['byCategory'],
  value: (totals: CategoryTotals) => number | undefined,
): Sample[] {
  return [...categories].flatMap(([category, totals]) => {
    const result = value(totals);
    return result === undefined ? [] : [{ labels: { category }, value: result }];
  });
}
