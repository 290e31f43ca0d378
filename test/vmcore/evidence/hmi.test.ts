import { describe, expect, it } from 'vitest';

import { eventsOf } from '../../support/builders/kernel-log.ts';

describe('hypervisor maintenance interrupts', () => {
  it.each([
    ['Harmless Hypervisor Maintenance interrupt [Recovered]', 'corrected'],
    [' Hypervisor Maintenance interrupt [Recovered]', 'recoverable'],
    ['Severe Hypervisor Maintenance interrupt [Recovered]', 'recoverable'],
    ['Fatal Hypervisor Maintenance interrupt [Not recovered]', 'fatal'],
  ])('%s', (text, severity) => {
    expect(
      eventsOf(text, ' Error detail: Processor Recovery done', '\tHMER: 20400000'),
    ).toMatchObject([
      { severity, category: 'cpu', source: 'hmi', detail: 'Processor Recovery done' },
    ]);
  });
});
