import { expect, it } from 'vitest';

import { type NamedRecord, isBanner } from '../../../src/vmcore/printk/boots.ts';

const BANNER = 'Linux version 6.1.0';

const record = (fields: Partial<NamedRecord>): NamedRecord => ({
  ...{ timeSeconds: null, facility: null, level: null, caller: null, device: null, text: BANNER },
  ...fields,
});

it.each<[Partial<NamedRecord>, number | null, boolean]>([
  [{ timeSeconds: 0 }, 12.5, true],
  [{ timeSeconds: 0 }, null, false],
  [{ timeSeconds: 13 }, 12.5, false],
  [{ timeSeconds: 0, text: 'Command line: x' }, 12.5, false],
  [{ ofKernel: true }, null, true],
  [{ facility: 0 }, null, true],
  [{ facility: 1 }, null, false],
  [{}, null, false],
])('%o after %o begins a boot: %s', (fields, before, begins) => {
  expect(isBanner(record(fields), before)).toBe(begins);
});
