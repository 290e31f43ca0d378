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
  expect(
    logSummary({ source: 'ring', records, truncated: false, unreadable: 2 }, { ghes: 3 }),
  ).toEqual({
    ...{ source: 'ring', forgeable: false, records: 4, foreign: 1 },
    ...{ firstSeq: null, firstTime: 3, lastTime: 9, truncated: false },
    ...{ lost: 0, unreadable: 2, suppressed: { ghes: 3 } },
  });
  const text = kernelLog({ text: 'a', facility: null });
  expect(logSummary({ source: 'text', records: text, truncated: true }, {})).toMatchObject({
    forgeable: true,
  });
});
