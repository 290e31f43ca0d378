import { expect, it } from 'vitest';

import { bootsOf } from '../../../src/vmcore/evidence/boots.ts';
import { kernelLog } from '../../support/builders/kernel-log.ts';

it('bootsOf splits records where a boot begins', () => {
  const [a, b, c] = kernelLog('a', { text: 'b', beginsBoot: true }, 'c');
  expect(bootsOf([a!, b!, c!])).toEqual([[a], [b, c]]);
  expect(bootsOf([b!, c!])).toEqual([[b, c]]);
  expect(bootsOf([])).toEqual([[]]);
});
