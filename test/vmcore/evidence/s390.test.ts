import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

describe('s390', () => {
  it.each([
    ['0x3a', 'recoverable', 'recovered'],
    ['0x3b', 'fatal', null],
    ['0x40', 'fatal', null],
    ['0x2b', 'informational', null],
    ['0x38', 'recoverable', null],
  ])('PCI event %s', (code, severity, outcome) => {
    const text = `zpci: 061a:00:00.0: Event ${code} reports an error for PCI function 0x1a0`;
    expect(eventsOf(text)).toMatchObject([
      { severity, outcome, category: 'pci', source: 'zpci', part: { address: '061a:00:00.0' } },
    ]);
  });

  it('a function without a device has no address', () => {
    expect(summaries('zpci: n/a: Event 0x3b reports an error for PCI function 0x1a0')).toEqual([
      'fatal pci zpci',
    ]);
  });

  it('a reconfigured function is no error', () => {
    expect(summaries('zpci: 061a:00:00.0: Event 0x303 reconfigured PCI function 0x1a0')).toEqual(
      [],
    );
  });

  it('a machine check that ends a task is recoverable', () => {
    expect(summaries('mcck: Terminating task because of machine malfunction (code 0x1)')).toEqual([
      'recoverable cpu mcck',
    ]);
  });
});
