import { describe, expect, it } from 'vitest';

import { FAILURE_REASONS } from '../../src/failure.ts';
import type { LiveState } from '../../src/host/live.ts';
import type { IngestStatus } from '../../src/ingest/ingest.ts';
import { crashSamples } from '../../src/metrics/crash-samples.ts';
import { CATALOGUE, type MetricName } from '../../src/metrics/catalogue.ts';
import {
  buildSamples,
  clockSamples,
  failureSamples,
  hostSamples,
  ingestSamples,
  kexecSamples,
  ledgerSamples,
  liveSamples,
  shardSamples,
  windowSamples,
} from '../../src/metrics/projection.ts';
import type { Sample } from '../../src/metrics/sample.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import { CATEGORIES, type Hwerr, logFindings } from '../../src/vmcore/index.ts';
import { kernelLog } from '../support/builders/kernel-log.ts';
import { ledgerOf, openTestLedger, recordFailure } from '../support/daemon/ledgers.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';

const NOW_SECONDS = CRASH_TIME + 3600;

const idle: IngestStatus = {
  directories: [],
  queueLength: 0,
  decodesInProgress: 0,
  lastDecodeSeconds: 0,
  discovered: 0,
  decoded: 0,
  watchEvents: 0,
  watchErrors: 0,
  present: { complete: [], incomplete: [] },
};

type Samples = Readonly<
  Record<Exclude<MetricName, 'hwerr_dump_decode_duration_seconds'>, readonly Sample[]>
>;

/** Everything that one scrape of the daemon shows. */
async function samplesOf(
  reports: readonly CrashReport[],
  ingest: IngestStatus = idle,
): Promise<Samples> {
  const ledger = await ledgerOf(...reports);
  return {
    ...crashSamples(ledger.view.total(), {
      nowSeconds: NOW_SECONDS,
      isFirstPassRecorded: true,
    }),
    ...windowSamples(300),
    ...clockSamples(NOW_SECONDS),
    ...ingestSamples(ingest),
    ...failureSamples(ledger.view),
    ...ledgerSamples(ledger),
    ...hostSamples(ledger.view.hostCounts()),
    ...shardSamples({ index: 1, count: 3 }),
    ...kexecSamples(true),
    ...liveSamples(liveCounters()),
    ...buildSamples({ version: '0.1.0', revision: 'abc', nodeVersion: '20.19.0' }),
  } as Samples;
}

function liveCounters(): LiveState {
  const hwerr = counted({ pci: [3, NOW_SECONDS - 5], others: [2, NOW_SECONDS - 9] });
  const newer = { category: 'npu', count: 4, lastErrorTimestampSeconds: NOW_SECONDS - 2 };
  const categories = [...(hwerr.kind === 'present' ? hwerr.categories : []), newer];
  return { kind: 'present', categories, readSeconds: NOW_SECONDS };
}

/** Values by the one label that the samples have. */
function by(label: string, samples: readonly Sample[]): Record<string, number> {
  return Object.fromEntries(samples.map(({ labels, value }) => [labels[label] ?? '', value]));
}

const byCategory = (samples: readonly Sample[]): Record<string, number> => by('category', samples);
const zeros = Object.fromEntries(CATEGORIES.map((category) => [category, 0]));

function crash(boot: number, crashTimeSeconds: number | null, hwerr: Hwerr): CrashReport {
  return crashReport({ bootId: `boot-${boot}`, crashTimeSeconds, hwerr });
}

describe('the samples of a scrape', () => {
  it('has samples for every metric of the catalogue but the histogram', async () => {
    const names = Object.entries(CATALOGUE)
      .filter(([, { type }]) => type !== 'histogram')
      .map(([name]) => name);
    expect(Object.keys(await samplesOf([])).sort()).toEqual(names.sort());
  });

  it('labels samples as the catalogue says', async () => {
    const records = kernelLog(
      'pcieport 0000:00:02.0: AER: Corrected error received: 0000:01:00.0',
      'Kernel panic - not syncing: sysrq triggered crash',
      'Hardware name: QEMU Standard PC, BIOS 1.17 04/01/2014',
    );
    const report: CrashReport = {
      ...crash(1, CRASH_TIME, counted({ pci: [1, CRASH_TIME - 5] })),
      ...logFindings({ source: 'ring', records, truncated: false }, { pageSize: 4096 }),
    };
    const directory = { directory: '/d', up: true, lastScanSeconds: 1, scanDurationSeconds: 1 };
    const samples = await samplesOf([report], { ...idle, directories: [directory] });
    for (const [name, values] of Object.entries(samples)) {
      const { labels = [] } = CATALOGUE[name as keyof Samples];
      expect(values.length, name).toBeGreaterThan(0);
      for (const value of values) expect(Object.keys(value.labels), name).toEqual(labels);
    }
  });

  it('shows every category and reason at 0 from the start, and no age or lead', async () => {
    const samples = await samplesOf([]);
    expect(byCategory(samples.hwerr_recoverable_errors_total)).toEqual(zeros);
    expect(byCategory(samples.hwerr_last_error_timestamp_seconds)).toEqual(zeros);
    expect(byCategory(samples.hwerr_last_crash_recoverable_errors)).toEqual(zeros);
    expect(byCategory(samples.hwerr_suspect_crashes_total)).toEqual(zeros);
    expect(samples.hwerr_last_error_age_seconds).toEqual([]);
    expect(samples.hwerr_last_crash_error_lead_seconds).toEqual([]);
    expect(samples.hwerr_last_crash_info).toEqual([]);
    expect(samples.hwerr_crashes_total).toEqual([{ labels: {}, value: 0 }]);
    expect(samples.hwerr_last_crash_timestamp_seconds).toEqual([{ labels: {}, value: 0 }]);
    expect(by('reason', samples.hwerr_dump_decode_failures_total)).toEqual(
      Object.fromEntries(FAILURE_REASONS.map((reason) => [reason, 0])),
    );
    expect(by('state', samples.hwerr_dumps_present)).toEqual({ complete: 0, incomplete: 0 });
  });

  it('sums counts over crashes, and takes the newest error of any', async () => {
    const samples = await samplesOf([
      crash(1, CRASH_TIME, counted({ pci: [7, CRASH_TIME - 9], others: [10, 5000] })),
      crash(2, CRASH_TIME - 999, counted({ pci: [2, 4000], memory: [4_294_967_295, 6000] })),
      crash(3, CRASH_TIME - 1999, counted({ memory: [1, 5999] })),
    ]);
    expect(samples.hwerr_crashes_total).toEqual([{ labels: {}, value: 3 }]);
    expect(byCategory(samples.hwerr_recoverable_errors_total)).toEqual({
      ...zeros,
      pci: 9,
      others: 10,
      memory: 4_294_967_296,
    });
    expect(byCategory(samples.hwerr_last_error_timestamp_seconds)).toEqual({
      ...zeros,
      pci: CRASH_TIME - 9,
      others: 5000,
      memory: 6000,
    });
    expect(byCategory(samples.hwerr_last_error_age_seconds)).toEqual({
      pci: 3609,
      others: NOW_SECONDS - 5000,
      memory: NOW_SECONDS - 6000,
    });
  });

  it('tells of the newest crash by its own time, in whatever order the dumps were found', async () => {
    const newest = crash(1, CRASH_TIME, counted({ pci: [7, CRASH_TIME - 9] }));
    const older = crash(2, CRASH_TIME - 999, counted({ cxl: [3, 4000] }));
    for (const reports of [
      [newest, older],
      [older, newest],
    ]) {
      const samples = await samplesOf(reports);
      expect(samples.hwerr_last_crash_timestamp_seconds).toEqual([
        { labels: {}, value: CRASH_TIME },
      ]);
      expect(byCategory(samples.hwerr_last_crash_recoverable_errors)).toEqual({ ...zeros, pci: 7 });
      expect(byCategory(samples.hwerr_last_crash_error_lead_seconds)).toEqual({ pci: 9 });
    }
  });

  it('takes one without a time, or with one that cannot be, for as old as its recording', async () => {
    const dated = crash(1, CRASH_TIME, counted({ pci: [7, CRASH_TIME - 9] }));
    const noClock = crash(2, 1, counted({ memory: [3, 1] }));
    const undated = crash(3, null, counted({ cpu: [5, 4000] }));
    const samples = await samplesOf([noClock, undated, dated]);
    expect(byCategory(samples.hwerr_last_crash_recoverable_errors)).toEqual({ ...zeros, cpu: 5 });
  });

  it('says what the newest crash was', async () => {
    const report = crashReport({
      container: 'elf',
      flattened: true,
      compression: [],
      hwerr: { kind: 'absent', reason: 'page_excluded' },
    });
    expect((await samplesOf([report])).hwerr_last_crash_info).toEqual([
      {
        labels: {
          kernel_release: '7.3.4',
          arch: 'x86_64',
          format: 'flattened elf',
          compression: 'none',
          hwerr: 'page_excluded',
        },
        value: 1,
      },
    ]);
    const present = await samplesOf([crashReport({ compression: ['zlib', 'zstd'] })]);
    expect(present.hwerr_last_crash_info[0]!.labels).toMatchObject({
      format: 'kdump',
      compression: 'zlib,zstd',
      hwerr: 'present',
    });
  });

  it('counts a crash without counters as a crash, and adds nothing for it', async () => {
    const reports = [
      crash(1, CRASH_TIME, { kind: 'absent', reason: 'kernel_without_hwerr' }),
      crash(2, CRASH_TIME - 1, { kind: 'absent', reason: 'page_lost' }),
    ];
    const samples = await samplesOf(reports);
    expect(samples.hwerr_crashes_total[0]!.value).toBe(2);
    expect(byCategory(samples.hwerr_recoverable_errors_total)).toEqual(zeros);
    expect(samples.hwerr_last_crash_error_lead_seconds).toEqual([]);
    expect(samples.hwerr_last_crash_recoverable_errors).toEqual([]);
    expect(samples.hwerr_dumps_without_hwerr_data_total[0]!.value).toBe(1);
    expect(by('reason', samples.hwerr_dump_decode_failures_total)).toMatchObject({
      page_lost: 1,
      page_excluded: 0,
    });
  });

  it('has no negative age, and no lead below zero, when clocks disagree or were set', async () => {
    const samples = await samplesOf([
      crash(
        1,
        CRASH_TIME,
        counted({
          pci: [1, CRASH_TIME + 60],
          cpu: [1, NOW_SECONDS + 60],
          others: [1, CRASH_TIME],
        }),
      ),
    ]);
    expect(byCategory(samples.hwerr_last_crash_error_lead_seconds)).toEqual({ others: 0 });
    expect(byCategory(samples.hwerr_suspect_crashes_total)).toEqual({ ...zeros, others: 1 });
    expect(byCategory(samples.hwerr_last_error_age_seconds)).toEqual({
      pci: 3540,
      cpu: 0,
      others: 3600,
    });
  });

  it('has no lead where the dump does not say when the kernel died', async () => {
    const samples = await samplesOf([crash(1, null, counted({ pci: [1, 1000] }))]);
    expect(samples.hwerr_last_crash_error_lead_seconds).toEqual([]);
    expect(samples.hwerr_last_crash_timestamp_seconds[0]!.value).toBe(0);
    expect(byCategory(samples.hwerr_last_error_age_seconds)).toEqual({ pci: NOW_SECONDS - 1000 });
  });

  it('shows what the daemon is doing', async () => {
    const file = (size: number) => ({
      root: '/d',
      path: '/d/vmcore',
      size,
      mtimeMs: 0,
      version: '',
      saved: undefined,
      isUnfinished: false,
    });
    const samples = await samplesOf([], {
      directories: [
        { directory: '/a', up: true, lastScanSeconds: 100.5, scanDurationSeconds: 0.25 },
        { directory: '/b', up: false, lastScanSeconds: 101, scanDurationSeconds: 0 },
      ],
      queueLength: 3,
      decodesInProgress: 1,
      lastDecodeSeconds: 99.5,
      discovered: 9,
      decoded: 5,
      watchEvents: 70,
      watchErrors: 2,
      present: { complete: [file(10), file(20)], incomplete: [file(5)] },
    });
    expect(by('directory', samples.hwerr_directory_up)).toEqual({ '/a': 1, '/b': 0 });
    expect(by('directory', samples.hwerr_last_scan_timestamp_seconds)).toEqual({
      '/a': 100.5,
      '/b': 101,
    });
    expect(by('directory', samples.hwerr_scan_duration_seconds)).toEqual({ '/a': 0.25, '/b': 0 });
    expect(by('state', samples.hwerr_dumps_present)).toEqual({ complete: 2, incomplete: 1 });
    expect(by('state', samples.hwerr_dumps_present_bytes)).toEqual({ complete: 30, incomplete: 5 });
    const single = [
      samples.hwerr_decode_queue_length,
      samples.hwerr_decodes_in_progress,
      samples.hwerr_last_decode_timestamp_seconds,
      samples.hwerr_dumps_discovered_total,
      samples.hwerr_dumps_decoded_total,
      samples.hwerr_watch_events_total,
      samples.hwerr_watch_errors_total,
    ];
    expect(single.map((values) => values.map(({ value }) => value))).toEqual(
      [3, 1, 99.5, 9, 5, 70, 2].map((value) => [value]),
    );
    expect(samples.hwerr_exporter_build_info).toEqual([
      { labels: { version: '0.1.0', revision: 'abc', node_version: '20.19.0' }, value: 1 },
    ]);
  });

  it('adds what a newer kernel counts on its own to others, once for a suspect crash', async () => {
    const { hwerr } = crashReport({ hwerr: counted({ others: [3, CRASH_TIME - 50] }) });
    const categories = hwerr.kind === 'present' ? hwerr.categories : [];
    const added = { category: 'nvlink', count: 4, lastErrorTimestampSeconds: CRASH_TIME - 20 };
    const report = crash(1, CRASH_TIME, { kind: 'present', categories: [...categories, added] });
    const samples = await samplesOf([report]);
    expect(byCategory(samples.hwerr_recoverable_errors_total)).toEqual({ ...zeros, others: 7 });
    expect(byCategory(samples.hwerr_suspect_crashes_total)).toEqual({ ...zeros, others: 1 });
    expect(byCategory(samples.hwerr_last_crash_recoverable_errors)).toEqual({
      ...zeros,
      others: 7,
    });
    expect(byCategory(samples.hwerr_last_crash_error_lead_seconds)).toEqual({ others: 20 });
  });

  it('says which state the ledger is in, and counts its writes', async () => {
    const ledger = await openTestLedger();
    const before = ledgerSamples(ledger);
    await recordFailure(ledger, { reason: 'corrupt', message: '' }, '/d/vmcore');
    const after = ledgerSamples(ledger);
    expect(by('state', after.hwerr_ledger_state!)).toEqual({
      ready: 1,
      full: 0,
      read_only: 0,
      io: 0,
      damaged: 0,
      newer: 0,
      other_shard: 0,
      busy: 0,
      away: 0,
    });
    const writes = (samples: typeof after): number => samples.hwerr_ledger_writes_total![0]!.value;
    expect(writes(after)).toBe(writes(before) + 1);
    expect(after.hwerr_ledger_write_failures_total).toEqual([{ labels: {}, value: 0 }]);
    expect(after.hwerr_ledgers_set_aside).toEqual([{ labels: {}, value: 0 }]);
  });

  it('counts hosts in central mode alone', () => {
    expect(hostSamples({ tracked: 3, limit: 4, dropped: 2 })).toEqual({
      hwerr_hosts_tracked: [{ labels: {}, value: 3 }],
      hwerr_hosts_limit: [{ labels: {}, value: 4 }],
      hwerr_hosts_dropped: [{ labels: {}, value: 2 }],
    });
    expect(Object.values(hostSamples(undefined)).flat()).toEqual([]);
  });

  it('says which of several collectors it is, if it is one', () => {
    expect(shardSamples({ index: 1, count: 3 })).toEqual({
      hwerr_shard_info: [{ labels: { shard: '1', shards: '3' }, value: 1 }],
    });
    expect(shardSamples(undefined)).toEqual({ hwerr_shard_info: [] });
  });
});

describe('the samples of this boot', () => {
  it('are its counters, what is newer than this exporter among others', () => {
    const samples = liveSamples(liveCounters());
    expect(byCategory(samples.hwerr_live_recoverable_errors_total ?? [])).toEqual({
      ...zeros,
      pci: 3,
      others: 6,
    });
    expect(byCategory(samples.hwerr_live_last_error_timestamp_seconds ?? [])).toEqual({
      ...zeros,
      pci: NOW_SECONDS - 5,
      others: NOW_SECONDS - 2,
    });
  });

  it('are absent, not 0, where they cannot be read; and not even named where nobody asked', () => {
    expect(liveSamples({ kind: 'unavailable', message: 'denied' })).toEqual({
      hwerr_live_recoverable_errors_total: [],
      hwerr_live_last_error_timestamp_seconds: [],
    });
    expect(liveSamples({ kind: 'off' })).toEqual({});
  });

  it('never get into what dumps say', async () => {
    const names = Object.keys(
      crashSamples((await ledgerOf()).view.total(), {
        nowSeconds: NOW_SECONDS,
        isFirstPassRecorded: true,
      }),
    );
    expect(names.filter((name) => name in liveSamples(liveCounters()))).toEqual([]);
  });
});
