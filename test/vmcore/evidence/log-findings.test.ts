import { describe, expect, it } from 'vitest';

import { absentLog, logFindings } from '../../../src/vmcore/evidence/log-findings.ts';
import { type Entry, kernelLog } from '../../support/builders/kernel-log.ts';

it('logFindings has the summary of a log, and what it tells', () => {
  const records = kernelLog(
    9,
    'pcieport 0000:00:02.0: AER: Corrected error received: 0000:01:00.0',
    'Kernel panic - not syncing: sysrq triggered crash',
  );
  const findings = logFindings({ source: 'legacy', records, truncated: true }, { pageSize: 4096 });
  expect(findings).toMatchObject({
    log: { source: 'legacy', records: 2, truncated: true, suppressed: {} },
    hardwareEvents: [{ category: 'pci', severity: 'corrected' }],
    loggedErrors: [{ category: 'pci', severity: 'corrected', events: 1 }],
    crash: { type: 'sysrq' },
  });
  expect(findings).not.toHaveProperty('suppressed');
});

const ERROR = 'pcieport 0000:00:02.0: AER: Corrected error received: 0000:01:00.0';
const PANIC = 'Kernel panic - not syncing: sysrq triggered crash';
const BOOT: readonly Entry[] = [0, { text: 'Linux version 6.1.0', beginsBoot: true }];

describe('logFindings of several boots', () => {
  it.each<[string, readonly Entry[], number, number]>([
    ['whose last one is that of the crash kernel', [ERROR, PANIC, ...BOOT, 'saving'], 2, 1],
    ['of which two did not crash', ['a', ...BOOT, ERROR, PANIC, ...BOOT, ERROR, ...BOOT], 3, 1],
    ['of which one before had an error', [ERROR, ...BOOT, PANIC], 2, 0],
  ])('are of the last that crashed: %s', (_, entries, records, errors) => {
    const log = { source: 'text', records: kernelLog(9, ...entries), truncated: false } as const;
    const { hardwareEvents, ...findings } = logFindings(log, { pageSize: 4096 });
    expect(findings).toMatchObject({ log: { records }, crash: { type: 'sysrq' } });
    expect(hardwareEvents).toHaveLength(errors);
  });

  it('are of the last if none crashed, of which nothing is missing', () => {
    const records = kernelLog(9, ERROR, ...BOOT, 'a');
    const log = { source: 'text', records, truncated: true } as const;
    expect(logFindings(log, { pageSize: 4096 })).toMatchObject({
      log: { records: 2, truncated: false },
      ...{ hardwareEvents: [], crash: null },
    });
  });
});

it('absentLog tells of nothing, and why', () => {
  expect(absentLog('page_lost')).toMatchObject({
    log: { source: 'absent', reason: 'page_lost' },
    ...{ hardwareEvents: [], loggedErrors: [], crash: null },
  });
});
