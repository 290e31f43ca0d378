import { expect, it } from 'vitest';

import { CONNECTION_LIMITS, connectionLimits } from '../../src/http/connections.ts';
import { openFileLimit } from '../../src/host/open-file-limit.ts';

const LIMITS = (hard: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    unlimited            bytes
Max open files            1024                 ${hard.padEnd(20)} files
Max locked memory         8388608              8388608              bytes
`;

it('is the hard limit', () => {
  expect(openFileLimit(LIMITS('524288'))).toBe(524_288);
  expect(openFileLimit(LIMITS('1024'))).toBe(1024);
  expect(openFileLimit()).toBeGreaterThan(100);
});

it.each(['', 'Max open files', LIMITS('unlimited')])('is not known from %j', (text) => {
  expect(openFileLimit(text)).toBeUndefined();
});

it.each([64, 1024, 4096, 1_000_000])('leaves files of %i to dumps and the ledger', (openFiles) => {
  const { arriving, asking, answering } = connectionLimits(openFiles).places;
  expect(Math.min(arriving, asking, answering)).toBeGreaterThan(0);
  expect(arriving + asking + answering).toBeLessThanOrEqual((openFiles * 7) / 8);
  if (openFiles >= 4096) expect(connectionLimits(openFiles)).toEqual(CONNECTION_LIMITS);
});
