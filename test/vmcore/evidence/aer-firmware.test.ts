import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

describe('AER registers that firmware handed over', () => {
  it('are fatal when a bit is raised that counts as fatal', () => {
    expect(
      summaries(
        'igb 0000:09:00.1: AER: aer_status: 0x00004000, aer_mask: 0x00000000',
        'igb 0000:09:00.1: AER:    [14] CmpltTO                (First)',
        'igb 0000:09:00.1: AER: aer_layer=Transaction Layer, aer_agent=Requester ID',
        'igb 0000:09:00.1: AER: aer_uncor_severity: 0x00066011',
      ),
    ).toEqual(['fatal pci aer 0000:09:00.1']);
  });

  it.each([
    ['aer_cor_status: 0x00000001, aer_cor_mask: 0x00000000', 'corrected', null],
    ['aer_uncor_status: 0x00004000, aer_uncor_mask: 0x00000000', 'recoverable', 'pci'],
  ])('say in their name what they are since 7.3: %s', (text, severity, hwerrCategory) => {
    expect(eventsOf(`igb 0000:09:00.1: ${text}`)).toMatchObject([{ severity, hwerrCategory }]);
  });

  it('are of the firmware record of their device', () => {
    expect(
      summaries(
        '{2}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 1',
        '{2}[Hardware Error]: event severity: recoverable',
        '{2}[Hardware Error]:   section_type: PCIe error',
        '{2}[Hardware Error]:   device_id: 0000:09:00.1',
        14,
        'igb 0000:09:00.1: AER: aer_status: 0x00004000, aer_mask: 0x00000000',
        'igb 0000:09:00.1: AER: aer_uncor_severity: 0x00062011',
      ),
    ).toEqual(['recoverable pci ghes 0000:09:00.1']);
  });

  it('are an event though their first line is gone', () => {
    expect(
      summaries('igb 0000:09:00.1: AER: aer_layer=Transaction Layer, aer_agent=Requester ID'),
    ).toEqual(['recoverable pci aer 0000:09:00.1']);
  });
});
