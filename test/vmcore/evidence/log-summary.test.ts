import { expect, it } from 'vitest';

import { logSummary } from '../../../src/vmcore/evidence/log-summary.ts';
import { kernelLog } from '../../support/builders/kernel-log.ts';

it('logSummary says how much there was, from when to when, and who may have written it', () => {
  const records = kernelLog(
    { text: 'a', timeSeconds: null },
    3,
    'b',
    { text: 'c', facility: 1 },
    9,
    'd',
  );
  expect(logSummary(records, { source: 'ring', truncated: false })).toEqual({
    ...{ source: 'ring', forgeable: false, records: 4, foreign: 1 },
    ...{ firstTime: 3, lastTime: 9, truncated: false },
  });
  const text = kernelLog({ text: 'a', facility: null });
  expect(logSummary(text, { source: 'text', truncated: true })).toMatchObject({ forgeable: true });
});
