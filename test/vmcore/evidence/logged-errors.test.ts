import { describe, expect, it } from 'vitest';

import { leadSeconds, loggedErrors } from '../../../src/vmcore/evidence/logged-errors.ts';
import { eventsOf } from '../../support/builders/kernel-log.ts';

const corrected = 'pcieport 0000:00:02.0: AER: Corrected error received: 0000:01:00.0';
const nonFatal = 'pcieport 0000:00:02.0: AER: Uncorrected (Non-Fatal) error received: 0000:01:00.0';

describe('loggedErrors', () => {
  const events = eventsOf(10, corrected, 20, nonFatal, 30, corrected);

  it('has one entry a kind, with the lead of the newest', () => {
    expect(loggedErrors(events, 40)).toEqual([
      {
        ...{ category: 'pci', severity: 'corrected', hwerrCategory: null },
        ...{ events: 2, leadSeconds: 10 },
      },
      {
        ...{ category: 'pci', severity: 'recoverable', hwerrCategory: 'pci' },
        ...{ events: 1, leadSeconds: 20 },
      },
    ]);
  });

  it('takes the newest that came before the crash, and has no lead where that is not known', () => {
    expect(loggedErrors(events, 25).map((one) => one.leadSeconds)).toEqual([15, 5]);
    expect(loggedErrors(events, null).map((one) => one.leadSeconds)).toEqual([null, null]);
  });

  it('is empty where nothing is told', () => {
    expect(loggedErrors([], 40)).toEqual([]);
  });
});

it('leadSeconds is null for what came after the crash', () => {
  expect(leadSeconds(1.1, 3.3)).toBe(2.2);
  expect(leadSeconds(4, 3)).toBeNull();
});
