import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

describe('CXL devices', () => {
  it('whose mailbox fails are recoverable, fatal where the device says so', () => {
    expect(
      summaries(
        'cxl_pci 0000:35:00.0: timeout awaiting mailbox ready, device state ',
        'cxl_pci 0000:36:00.0: timeout awaiting mailbox ready, device state  fatal',
      ),
    ).toEqual(['recoverable cxl cxl 0000:35:00.0', 'fatal cxl cxl 0000:36:00.0']);
  });

  it('that are disabled after an error tell its outcome', () => {
    expect(
      eventsOf(
        'pcieport 0000:0c:00.0: AER: Uncorrectable (Fatal) error message received from 0000:35:00.0',
        'cxl_pci 0000:35:00.0: PCIe Bus Error: severity=Uncorrectable (Fatal)',
        'cxl_pci 0000:35:00.0: mem0: frozen state error detected, disable CXL.mem',
      ),
    ).toMatchObject([{ source: 'aer', outcome: 'frozen state error detected, disable CXL.mem' }]);
  });
});
