import { describe, expect, it } from 'vitest';

import { crashSamples } from '../../src/metrics/crash-samples.ts';
import type { PartialSamples } from '../../src/metrics/sample.ts';
import type { LedgerReader } from '../../src/ledger/ledger.ts';
import { CRASH_TYPES, type CrashReport, logFindings } from '../../src/vmcore/index.ts';
import { type Entry, kernelLog } from '../support/builders/kernel-log.ts';
import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';

const aer = (severity: string, device: number): string =>
  `pcieport 0000:00:02.0: AER: ${severity} error received: 0000:01:00.${device}`;
const DEATH = [
  'Kernel panic - not syncing: sysrq triggered crash',
  'CPU: 0 PID: 1 Comm: init Not tainted 6.12.0 #1',
  'Hardware name: Dell Inc. PowerEdge R740/0WGD1O, BIOS 2.19.1 06/04/2023',
];

function withLog(
  facility: number | null,
  entries: readonly Entry[],
  parts: Partial<CrashReport> = {},
): CrashReport {
  const records = kernelLog(...entries).map((record) => ({ ...record, facility }));
  const source = facility === null ? 'text' : 'ring';
  const log = logFindings({ source, records, truncated: false }, { pageSize: 4096 });
  return crashReport({ ...log, ...parts });
}

function samplesOf(view: Pick<LedgerReader, 'total'>): PartialSamples {
  return crashSamples(view.total(), { nowSeconds: 1_791_000_400, isFirstPassRecorded: true });
}

/** What is not 0, as `label=value …`. */
function shown(samples: PartialSamples, name: keyof PartialSamples): Record<string, number> {
  const entries = (samples[name] ?? []).map(({ labels, value }): [string, number] => [
    Object.entries(labels)
      .map((pair) => pair.join('='))
      .join(' '),
    value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== 0));
}

const FIRST = withLog(0, [
  ...[10, aer('Corrected', 0), 20, aer('Uncorrected (Non-Fatal)', 1)],
  ...[29.5, ...DEATH],
]);
const NEXT = withLog(0, [40, aer('Corrected', 0), 50, ...DEATH], { bootId: 'another' });

describe('metrics of the log', () => {
  it('are all there at 0 before any crash, with every category, severity and type', async () => {
    const samples = samplesOf((await openTestLedger()).view);
    expect(samples.hwerr_logged_errors_total).toHaveLength(5 * 4);
    expect(samples.hwerr_last_crash_logged_errors).toHaveLength(5 * 4);
    expect(samples.hwerr_crashes_by_type_total).toHaveLength(CRASH_TYPES.length);
    expect(shown(samples, 'hwerr_logged_errors_total')).toEqual({});
    expect(samples.hwerr_last_crash_cause_info).toEqual([]);
  });

  it('tell of the newest crash: errors, leads, cause, parts and machine', async () => {
    const ledger = await openTestLedger();
    await recordReport(ledger, FIRST);
    const samples = samplesOf(ledger.view);
    expect(shown(samples, 'hwerr_last_crash_logged_errors')).toEqual({
      'category=pci severity=corrected': 1,
      'category=pci severity=recoverable': 1,
    });
    expect(shown(samples, 'hwerr_last_crash_logged_error_lead_seconds')).toEqual({
      'category=pci severity=corrected': 19.5,
      'category=pci severity=recoverable': 9.5,
    });
    expect(Object.keys(shown(samples, 'hwerr_last_crash_cause_info'))).toEqual([
      expect.stringMatching(/^type=sysrq verdict=logged_suspect signature=[0-9a-f]{16}$/),
    ]);
    expect(shown(samples, 'hwerr_last_crash_part_info')).toEqual({
      'category=pci severity=corrected part=0000:01:00.0': 1,
      'category=pci severity=recoverable part=0000:01:00.1': 1,
    });
    expect(shown(samples, 'hwerr_last_crash_hardware_info')).toEqual({
      'vendor=Dell Inc. model=PowerEdge R740 bios=2.19.1': 1,
    });
  });

  it('say nothing of a log that is not there', async () => {
    const ledger = await openTestLedger();
    await recordReport(ledger, crashReport());
    const samples = samplesOf(ledger.view);
    expect(samples.hwerr_last_crash_logged_errors).toEqual([]);
    expect(samples.hwerr_last_crash_hardware_info).toEqual([]);
    expect(shown(samples, 'hwerr_last_crash_cause_info')).toEqual({
      'type=unknown verdict=clean signature=': 1,
    });
    expect(shown(samples, 'hwerr_crashes_by_type_total')).toEqual({});
  });

  it('have at most 8 parts, the newest', async () => {
    const ledger = await openTestLedger();
    const lines = Array.from({ length: 30 }, (_, i) => [
      100 + 10 * i,
      `pcieport 0000:00:02.0: AER: Corrected error received: 0000:${(16 + i).toString(16)}:00.0`,
    ]).flat();
    await recordReport(ledger, withLog(0, [...lines, 500, ...DEATH]));
    const parts = samplesOf(ledger.view).hwerr_last_crash_part_info!;
    expect(parts.map(({ labels }) => labels['part'])).toEqual(
      Array.from({ length: 8 }, (_, i) => `0000:${(45 - i).toString(16)}:00.0`),
    );
  });

  it('are summed over crashes, never go down, and are the same after a restart', async () => {
    const directory = tempDir();
    const first = await openTestLedger({ directory });
    const sums = {
      'category=pci severity=corrected': 2,
      'category=pci severity=recoverable': 1,
    };
    await recordReport(first, FIRST, '/var/crash/1/vmcore');
    await recordReport(first, NEXT, '/var/crash/2/vmcore');
    // A poorer copy, and one whose log is not there, take nothing back.
    await recordReport(first, withLog(0, [29.5, ...DEATH]), '/var/crash/1/copy');
    await recordReport(first, crashReport(), '/var/crash/1/cut');
    const check = (view: Pick<LedgerReader, 'total'>): void => {
      const samples = samplesOf(view);
      expect(shown(samples, 'hwerr_logged_errors_total')).toEqual(sums);
      expect(shown(samples, 'hwerr_crashes_by_type_total')).toEqual({ 'type=sysrq': 2 });
    };
    check(first.view);
    await first.close();
    check((await openTestLedger({ directory })).view);
  });

  it('count nothing that any process may have written, until the kernel says it too', async () => {
    const ledger = await openTestLedger();
    const forgeable = withLog(null, [10, aer('Corrected', 0), aer('Corrected', 1), 20, ...DEATH]);
    await recordReport(ledger, forgeable, '/var/crash/1/vmcore');
    const samples = samplesOf(ledger.view);
    expect(shown(samples, 'hwerr_logged_errors_total')).toEqual({});
    expect(shown(samples, 'hwerr_crashes_by_type_total')).toEqual({});
    await recordReport(ledger, withLog(0, [10, aer('Corrected', 0), 20, ...DEATH]));
    expect(shown(samplesOf(ledger.view), 'hwerr_logged_errors_total')).toEqual({
      'category=pci severity=corrected': 1,
    });
    expect(shown(samplesOf(ledger.view), 'hwerr_crashes_by_type_total')).toEqual({
      'type=sysrq': 1,
    });
  });
});
