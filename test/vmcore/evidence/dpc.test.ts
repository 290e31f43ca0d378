import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

describe('DPC', () => {
  it.each([
    ['status:0x200d, ERR_FATAL received from 0015:01:00.0', 'fatal', '0015:01:00.0'],
    ['status:0x1f03, ERR_NONFATAL received from 0015:01:00.0', 'recoverable', '0015:01:00.0'],
    ['status:0x1f05 source:0x0100', 'fatal', '0015:01:00.0'],
    ['status:0x1f01: unmasked uncorrectable error detected', 'fatal', '0015:00:00.0'],
    ['status:0x1f07: RP PIO error detected', 'recoverable', '0015:00:00.0'],
    ['status:0x1f27: software trigger detected', 'informational', '0015:00:00.0'],
  ])('%s', (text, severity, address) => {
    expect(eventsOf(`pcieport 0015:00:00.0: DPC: containment event, ${text}`)).toMatchObject([
      { severity, source: 'dpc', part: { address } },
    ]);
  });

  it('and the block of the port that follows are one event, as severe as the block says', () => {
    expect(
      summaries(
        'pcieport 0000:00:1b.0: DPC: containment event, status:0x1f01 source:0x0000',
        'pcieport 0000:00:1b.0: DPC: unmasked uncorrectable error detected',
        'pcieport 0000:00:1b.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer, (Receiver ID)',
        'pcieport 0000:00:1b.0:    [21] ACSViol                (First)',
      ),
    ).toEqual(['recoverable pci dpc 0000:00:1b.0']);
  });

  it('is read behind the name of a port service', () => {
    expect(
      summaries('dpc 0000:00:1c.0:pcie008: DPC containment event, status:0x1f05 source:0x0200'),
    ).toEqual(['fatal pci dpc 0000:02:00.0']);
  });
});
