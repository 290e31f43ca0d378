import { expect, it } from 'vitest';

import { worse } from '../../../src/vmcore/evidence/hardware-event.ts';

it('worse takes the worse of two severities, and any over none', () => {
  expect(worse('corrected', 'recoverable')).toBe('recoverable');
  expect(worse('fatal', 'informational')).toBe('fatal');
  expect(worse(null, 'informational')).toBe('informational');
  expect(worse(null, null)).toBeNull();
});
