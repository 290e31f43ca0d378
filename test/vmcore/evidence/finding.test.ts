import { expect, it } from 'vitest';

import { Findings } from '../../../src/vmcore/evidence/finding.ts';

it('findings keep the order of their first lines and may be filled in later', () => {
  const findings = new Findings();
  const line = { time: 3, caller: 'T5', level: null, device: null, text: '' };
  const first = findings.open(line, { kind: 'mce', source: 'mce' });
  findings.open({ ...line, time: 4 }, { kind: 'edac', source: 'edac', count: 2 });
  first.lastTime = 9;
  expect(findings.all).toMatchObject([
    { time: 3, lastTime: 9, caller: 'T5', severity: null, count: 1 },
    { time: 4, lastTime: 4, count: 2 },
  ]);
});
