import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { FAILURE_REASONS } from '../../src/failure.ts';
import { LastFailures } from '../../src/ledger/last-failures.ts';
import type { CountedCrash, LedgerReader } from '../../src/ledger/ledger.ts';
import { crashSamples } from '../../src/metrics/crash-samples.ts';
import { failureSamples } from '../../src/metrics/projection.ts';
import type { PartialSamples } from '../../src/metrics/sample.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { openTestLedger, recordFailure, recordReport } from '../support/daemon/ledgers.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';

const DAY = 86_400;
/** When the tests record their crashes. */
const RECORDED = CRASH_TIME + 7 * 3600;

function samplesOf(
  view: Pick<LedgerReader, 'total'>,
  nowSeconds = RECORDED,
  isFirstPassRecorded = true,
): PartialSamples {
  return crashSamples(view.total(), { nowSeconds, isFirstPassRecorded });
}

/** `label=value label=value` of each sample, and its value. */
function shown(samples: PartialSamples, name: keyof PartialSamples): Record<string, number> {
  return Object.fromEntries(
    (samples[name] ?? []).map(({ labels, value }) => [
      Object.entries(labels)
        .map((pair) => pair.join('='))
        .join(' '),
      value,
    ]),
  );
}

function newest(view: Pick<LedgerReader, 'total'>): CountedCrash {
  return view.total().lastRecorded!;
}

describe('a crash that became known seven hours after it happened', () => {
  it('has the time of its recording, its own time, and its evidence under its id', async () => {
    const ledger = await openTestLedger({ nowMs: () => RECORDED * 1000 });
    const hwerr = counted({ pci: [7, CRASH_TIME - 9], others: [10, CRASH_TIME - 400] });
    await recordReport(ledger, crashReport({ hwerr }));
    const samples = samplesOf(ledger.view);
    const { id } = newest(ledger.view);
    const only = (name: keyof PartialSamples) => shown(samples, name);
    expect(only('hwerr_last_crash_recorded_timestamp_seconds')).toEqual({ '': RECORDED });
    expect(only('hwerr_last_recorded_crash_info')).toEqual({
      [`crash=${id} kernel_release=7.3.4 found_late=false`]: 1,
    });
    expect(only('hwerr_last_recorded_crash_timestamp_seconds')).toEqual({
      [`crash=${id}`]: CRASH_TIME,
    });
    expect(only('hwerr_last_recorded_crash_errors')).toMatchObject({
      [`crash=${id} category=pci`]: 7,
      [`crash=${id} category=cpu`]: 0,
    });
    expect(only('hwerr_last_suspect_crash_recorded_timestamp_seconds')).toMatchObject({
      'category=pci': RECORDED,
      'category=others': 0,
    });
    const suspect = `category=pci crash=${id}`;
    expect(only('hwerr_last_suspect_crash_info')).toEqual({ [`${suspect} found_late=false`]: 1 });
    expect(only('hwerr_last_suspect_crash_timestamp_seconds')).toEqual({ [suspect]: CRASH_TIME });
    expect(only('hwerr_last_suspect_crash_errors')).toEqual({ [suspect]: 7 });
    expect(only('hwerr_last_suspect_crash_error_lead_seconds')).toEqual({ [suspect]: 9 });
    expect(only('hwerr_last_crash_suspect')).toMatchObject({
      'category=pci': 1,
      'category=others': 0,
    });
    expect(only('hwerr_recent_crashes')).toEqual({ '': 1 });
    expect(only('hwerr_recent_suspect_crashes')).toMatchObject({ 'category=pci': 1 });
  });
});

it('a suspect crash is still shown when a clean one follows it', async () => {
  const ledger = await openTestLedger({ nowMs: () => RECORDED * 1000 });
  const hwerr = counted({ memory: [1, CRASH_TIME - 5] });
  await recordReport(ledger, crashReport({ bootId: 'suspect', hwerr }));
  const suspect = newest(ledger.view).id;
  await recordReport(ledger, crashReport({ bootId: 'clean', crashTimeSeconds: CRASH_TIME + 600 }));
  const samples = samplesOf(ledger.view);
  expect(shown(samples, 'hwerr_last_suspect_crash_error_lead_seconds')).toEqual({
    [`category=memory crash=${suspect}`]: 5,
  });
  expect(samples.hwerr_last_recorded_crash_info![0]!.labels['crash']).toBe(newest(ledger.view).id);
  expect(newest(ledger.view).id).not.toBe(suspect);
  expect(shown(samples, 'hwerr_last_crash_suspect')).toMatchObject({ 'category=memory': 0 });
});

it('an old dump is the crash recorded last and not the newest one, found late, and no loop', async () => {
  const ledger = await openTestLedger({ nowMs: () => RECORDED * 1000 });
  await recordReport(ledger, crashReport({ bootId: 'newest' }));
  await recordReport(
    ledger,
    crashReport({
      bootId: 'old',
      kernelRelease: '6.19.1',
      crashTimeSeconds: RECORDED - 14 * DAY - 1,
    }),
  );
  const samples = samplesOf(ledger.view);
  expect(samples.hwerr_last_recorded_crash_info![0]!.labels).toMatchObject({
    kernel_release: '6.19.1',
    found_late: 'true',
  });
  expect(shown(samples, 'hwerr_last_crash_timestamp_seconds')).toEqual({ '': CRASH_TIME });
  expect(shown(samples, 'hwerr_recent_crashes')).toEqual({ '': 1 });
});

it('an undated crash has no time of its own, and was not found late', async () => {
  const ledger = await openTestLedger({ nowMs: () => RECORDED * 1000 });
  await recordReport(ledger, crashReport({ crashTimeSeconds: null }));
  const samples = samplesOf(ledger.view);
  expect(samples.hwerr_last_recorded_crash_timestamp_seconds).toEqual([]);
  expect(samples.hwerr_last_recorded_crash_info![0]!.labels['found_late']).toBe('false');
});

it('a crash without counters has no errors, not zeros', async () => {
  const ledger = await openTestLedger({ nowMs: () => RECORDED * 1000 });
  const hwerr = { kind: 'absent', reason: 'kernel_without_hwerr' } as const;
  await recordReport(ledger, crashReport({ hwerr }));
  const samples = samplesOf(ledger.view);
  expect(samples.hwerr_last_recorded_crash_errors).toEqual([]);
  expect(samples.hwerr_last_crash_suspect).toEqual([]);
});

it('the recent counts go down as time passes, the totals do not', async () => {
  const ledger = await openTestLedger({ nowMs: () => RECORDED * 1000 });
  const hwerr = counted({ pci: [1, CRASH_TIME - 5] });
  await recordReport(ledger, crashReport({ hwerr }));
  const later = samplesOf(ledger.view, RECORDED + 31 * DAY);
  expect(shown(later, 'hwerr_recent_crashes')).toEqual({ '': 0 });
  expect(shown(later, 'hwerr_recent_suspect_crashes')).toMatchObject({ 'category=pci': 0 });
  expect(shown(later, 'hwerr_suspect_crashes_total')).toMatchObject({ 'category=pci': 1 });
});

it('before the first pass is recorded every metric of crashes is named and has no sample', async () => {
  const ledger = await openTestLedger();
  await recordReport(ledger, crashReport());
  const before = samplesOf(ledger.view, RECORDED, false);
  expect(Object.keys(before)).toEqual(Object.keys(samplesOf(ledger.view)));
  expect(Object.values(before).flat()).toEqual([]);
});

describe('a file that could not be decoded', () => {
  const failure = { reason: 'truncated', message: '' } as const;

  it('has the time when it was first counted, also after a restart and another try', async () => {
    let now = RECORDED;
    const directory = join(tempDir(), 'ledger');
    const first = await openTestLedger({ directory, nowMs: () => now * 1000 });
    await recordFailure(first, failure, '/var/crash/a/vmcore');
    await first.close();
    now += 2 * DAY;
    const again = await openTestLedger({ directory, nowMs: () => now * 1000 });
    await recordFailure(again, failure, '/var/crash/a/vmcore');
    const samples = failureSamples(again.view);
    expect(shown(samples, 'hwerr_last_decode_failure_timestamp_seconds')).toMatchObject({
      'reason=truncated host=': RECORDED,
      'reason=io host=': 0,
    });
  });

  it('carries the host that its path names', async () => {
    const hostRule = { fallback: 'unknown', pattern: /^\/var\/crash\/([^/]+)\// };
    const ledger = await openTestLedger({ hostRule, nowMs: () => RECORDED * 1000 });
    await recordFailure(ledger, failure, '/var/crash/db1/vmcore');
    const samples = failureSamples(ledger.view);
    expect(shown(samples, 'hwerr_last_decode_failure_timestamp_seconds')).toMatchObject({
      'reason=truncated host=db1': RECORDED,
      'reason=truncated host=': 0,
    });
  });

  it('is forgotten, the oldest first, when paths name hosts without end', () => {
    const failures = new LastFailures();
    const record = (host: string | undefined): void => {
      failures.record({ reason: 'io', host, recordedSeconds: RECORDED });
    };
    record(undefined);
    for (let i = 0; i < 1500; i++) record(`host-${i}`);
    const hosts = failures.values().flatMap(({ host }) => host ?? []);
    expect([hosts.length, hosts[0], hosts.at(-1)]).toEqual([1000, 'host-500', 'host-1499']);
    const ofNoHost = failures.values().filter(({ host }) => host === undefined);
    expect(ofNoHost.map(({ reason }) => reason)).toEqual(FAILURE_REASONS);
  });
});
