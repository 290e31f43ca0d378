import { expect, it } from 'vitest';

import { absentLog, logFindings } from '../../../src/vmcore/evidence/log-findings.ts';
import { kernelLog } from '../../support/builders/kernel-log.ts';

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

it('absentLog tells of nothing, and why', () => {
  expect(absentLog('page_lost')).toMatchObject({
    log: { source: 'absent', reason: 'page_lost' },
    ...{ hardwareEvents: [], loggedErrors: [], crash: null },
  });
});
