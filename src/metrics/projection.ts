// Converts the daemon's state to samples: pure functions, called for every scrape. No metric is stored, so
// none can be stale, and the samples of one function are consistent.

import { FAILURE_REASONS } from '../failure.ts';
import type { IngestStatus } from '../ingest/ingest.ts';
import type { LiveState } from '../host/live.ts';
import {
  type HostCounts,
  LEDGER_STATES,
  type LedgerStatus,
  type LedgerView,
} from '../ledger/ledger.ts';
import type { Shard } from '../shard.ts';
import { byCategory } from '../vmcore/index.ts';
import { type PartialSamples, type Sample, one } from './sample.ts';

/** Returns the samples of scanning directories and decoding files. */
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

/**
 * Returns the samples of files without counters; none before the ledger was read, because 0 would be a
 * decrease.
 */
export function failureSamples(
  ledger: Pick<LedgerView, 'isRead' | 'failures' | 'lastFailures' | 'dumpsWithoutHwerr'>,
): PartialSamples {
  if (!ledger.isRead) {
    return {
      hwerr_dumps_without_hwerr_data_total: [],
      hwerr_dump_decode_failures_total: [],
      hwerr_last_decode_failure_timestamp_seconds: [],
    };
  }
  const failures = ledger.failures();
  return {
    hwerr_dumps_without_hwerr_data_total: one(ledger.dumpsWithoutHwerr()),
    hwerr_dump_decode_failures_total: FAILURE_REASONS.map((reason) => ({
      labels: { reason },
      value: failures[reason] ?? 0,
    })),
    hwerr_last_decode_failure_timestamp_seconds: ledger
      .lastFailures()
      .map(({ reason, host, recordedSeconds }) => ({
        labels: { reason, host: host ?? '' },
        value: recordedSeconds,
      })),
  };
}

/** Returns the samples of the ledger's state. */
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

/** Returns the number of hosts with metrics, and its limit; none if undefined, as in node mode. */
export function hostSamples(hosts: HostCounts | undefined): PartialSamples {
  return {
    hwerr_hosts_tracked: hosts === undefined ? [] : one(hosts.tracked),
    hwerr_hosts_limit: hosts === undefined ? [] : one(hosts.limit),
    hwerr_hosts_dropped: hosts === undefined ? [] : one(hosts.dropped),
  };
}

/** Returns the shard of this collector; none if undefined: there is one collector, or a shared ledger. */
export function shardSamples(shard: Shard | undefined): PartialSamples {
  const labels = shard && { shard: String(shard.index), shards: String(shard.count) };
  return { hwerr_shard_info: labels === undefined ? [] : [{ labels, value: 1 }] };
}

/** Returns the counters of the running kernel; none without --live.kcore. */
export function liveSamples(live: LiveState): PartialSamples {
  if (live.kind === 'off') return {};
  const categories = live.kind === 'present' ? byCategory(live.categories) : [];
  return {
    hwerr_live_recoverable_errors_total: categories.map(({ category, count }) => ({
      labels: { category },
      value: count,
    })),
    hwerr_live_last_error_timestamp_seconds: categories.map(({ category, lastErrorSeconds }) => ({
      labels: { category },
      value: lastErrorSeconds ?? 0,
    })),
  };
}

/** @param armed whether a crash kernel is loaded; undefined: unknown, and there is no sample. */
export function kexecSamples(armed: boolean | undefined): PartialSamples {
  return { hwerr_kexec_crash_loaded: armed === undefined ? [] : one(armed ? 1 : 0) };
}

/** Returns the suspect window, which determines the verdicts on new crashes. */
export function windowSamples(suspectWindowSeconds: number): PartialSamples {
  return { hwerr_suspect_window_seconds: one(suspectWindowSeconds) };
}

/** Returns the exporter's clock, for comparison with the other timestamps. */
export function clockSamples(nowSeconds: number): PartialSamples {
  return { hwerr_time_seconds: one(nowSeconds) };
}

/** Version, commit and Node version of the program. */
export interface Build {
  readonly version: string;
  readonly revision: string;
  readonly nodeVersion: string;
}

/** Returns the info metric of the build: its value is 1, its content is in the labels. */
export function buildSamples({ version, revision, nodeVersion }: Build): PartialSamples {
  const labels = { version, revision, node_version: nodeVersion };
  return { hwerr_exporter_build_info: [{ labels, value: 1 }] };
}
