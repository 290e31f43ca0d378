import { describe, expect, it } from 'vitest';

import { edacMemory } from '../../../src/vmcore/evidence/edac.ts';
import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

describe('edacMemory', () => {
  it.each([
    [
      'memory read error on CPU_SrcID#0_Ha#0_Chan#2_DIMM#0 (channel:2 slot:0 page:0x849923 offset:0x380 grain:32 syndrome:0x0 -  area:DRAM err_code:0001:0092 socket:1 ha:0)',
      {
        label: 'CPU_SrcID#0_Ha#0_Chan#2_DIMM#0',
        location: 'channel:2 slot:0',
        physicalAddress: 0x849923380n,
        socket: 1,
      },
    ],
    ['unknown on unknown memory ( page:0x0 offset:0x0 grain:1 - APEI location: )', {}],
    [
      'on any memory ( page:0x0 offset:0x0 grain:1 - APEI location: node:0 card:1 DIMM location: x)',
      { location: 'node:0 card:1' },
    ],
    ['memory read error on A1 or B1 (channel:0 page:0x1 offset:0x0)', { label: 'A1 or B1' }],
    [
      'memory read error on DIMM (left) 1 (channel:0 page:0x1 offset:0x0)',
      { label: 'DIMM (left) 1' },
    ],
    [
      'on mc#0csrow#1 (csrow:1 channel:3 page:0x1 offset:0x0 -  ProcessorSocketId:0x1 Row:0x2)',
      { socket: 1 },
    ],
    ['memory read error on A1 (xxx xxx)', { label: 'A1' }],
  ])('%s', (text, place) => {
    expect(edacMemory(text, 4096).place).toMatchObject(place);
  });

  it.each([
    'memory read error on CPU_SrcID#0_Ha#0_Chan#2_DIM',
    'memory read error on CPU_SrcID#0_Ha#0_Chan#2_DIMM#0 (channel:2 slot:0 page:0x849923 offset:0x3',
    'memory read error on CPU_SrcID#0_Ha#0_Chan#2_DIMM#0 (channel:2 slot:0 page:0x8499',
  ])('takes no number and no name of a line that was cut: %s', (text) => {
    const { label, physicalAddress } = edacMemory(text, 4096).place;
    expect(physicalAddress).toBeUndefined();
    expect(label).toBe(text.includes('(') ? 'CPU_SrcID#0_Ha#0_Chan#2_DIMM#0' : undefined);
  });

  it('numbers pages as the kernel does', () => {
    const { place } = edacMemory('on A1 (channel:0 page:0x2 offset:0x10 grain:1)', 65_536);
    expect(place.physicalAddress).toBe(0x20010n);
  });
});

describe('EDAC', () => {
  it('counts as the line does, and CE and UE are corrected and recoverable', () => {
    const line = (word: string): string =>
      `EDAC MC0: 3 ${word} memory read error on A1 (channel:0 page:0x1 offset:0x0 grain:32)`;
    expect(eventsOf(line('CE'), line('UE'))).toMatchObject([
      { severity: 'corrected', count: 3, source: 'edac' },
      { severity: 'recoverable', count: 3 },
    ]);
  });

  it('the machine check before the line is of the same event, and says which bank', () => {
    const [event, ...others] = eventsOf(
      'mce: [Hardware Error]: Machine check events logged',
      'EDAC skx MC0: HANDLING MCE MEMORY ERROR',
      'EDAC skx MC0: CPU 4: Machine Check Event: 0x0 Bank 13: 0xcc001380000800c0',
      'EDAC skx MC0: TSC 0x0 ',
      'EDAC skx MC0: ADDR 0xd6db0b8c0 ',
      'EDAC skx MC0: PROCESSOR 0:0x50654 TIME 1701869556 SOCKET 1 APIC 0x0',
      'EDAC MC0: 1 CE memory read error on A1 (channel:0 slot:1 page:0xd6db0b offset:0x8c0 grain:32)',
    );
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      source: 'edac',
      part: { label: 'A1', cpu: 4, bank: 13, socket: 1, physicalAddress: '0xd6db0b8c0' },
    });
  });

  it('a machine check whose line is lost is still an event', () => {
    expect(
      summaries(
        'EDAC sbridge MC0: HANDLING MCE MEMORY ERROR',
        'EDAC sbridge MC0: CPU 0: Machine Check Event: 0 Bank 5: 8c00004000010092',
      ),
    ).toEqual(['corrected memory mce CPU 0']);
  });

  it('the line may come from elsewhere, a second after the machine check', () => {
    const check = (bank: number, address: string): readonly string[] => [
      'EDAC sbridge MC1: HANDLING MCE MEMORY ERROR',
      `EDAC sbridge MC1: CPU 0: Machine Check Event: 0 Bank ${bank}: 8c000040000800c0`,
      `EDAC sbridge MC1: ADDR ${address} `,
      'EDAC sbridge MC1: MISC 908511010100068 ',
    ];
    const line = (page: string): string =>
      `EDAC MC1: 1 CE memory scrubbing error on A1 (channel:0 slot:0 page:${page} offset:0x0 grain:32)`;
    expect(
      eventsOf(10, ...check(12, '6bfd2b000'), 11.5, { text: line('0x6bfd2b'), caller: 'T9' }),
    ).toMatchObject([{ time: 10, source: 'edac', part: { label: 'A1', bank: 12 } }]);
    expect(eventsOf(10, ...check(12, '6bfd2b000'), 12.5, line('0x6bfd2b'))).toHaveLength(2);
  });

  it('each machine check is one, though its first lines may be all there is', () => {
    const handling = [
      'EDAC igen6 MC1: HANDLING IBECC MEMORY ERROR',
      'EDAC igen6 MC1: ADDR 0x7fe0 ',
    ];
    expect(summaries(...handling, ...handling)).toEqual([
      'recoverable memory mce',
      'recoverable memory mce',
    ]);
  });

  it.each([
    [
      'CE page 0xd5a3f1, offset 0xb40, grain 0, syndrome 0x4120, row 3, channel 1, label "": amd64_edac',
      {
        severity: 'corrected',
        part: { location: 'csrow:3 channel:1', physicalAddress: '0xd5a3f1b40' },
      },
    ],
    [
      'UE page 0x1234, offset 0x560, grain 128, row 1, labels "A1:B1": i82975x UE',
      { severity: 'recoverable', part: { label: 'A1:B1', location: 'csrow:1' } },
    ],
    [
      'CE row 2, channel 0, label "C1": (Branch=1 DRAM-Bank=0 RDWR=Read RAS=1 CAS=2)',
      { severity: 'corrected', part: { label: 'C1', location: 'csrow:2 channel:0' } },
    ],
    ['CE - no information available: e7xxx log overflow', { severity: 'corrected', part: null }],
  ])('before v3.5: %s', (text, event) => {
    expect(eventsOf(`EDAC MC0: ${text}`)).toMatchObject([{ category: 'memory', ...event }]);
  });

  it('what ghes_edac prints before a record is the record, as severe as the record says', () => {
    expect(
      summaries(
        'EDAC MC0: 1 UE unknown on unknown memory ( page:0x0 offset:0x0 grain:1 - APEI location: )',
        '{1}[Hardware Error]: event severity: info',
        '{1}[Hardware Error]:   section_type: memory error',
      ),
    ).toEqual(['informational memory ghes']);
  });

  it('devices and PCI are events of their own categories', () => {
    expect(
      summaries(
        "EDAC DEVICE0: CE: L2 instance: cpu0 block: L20 count: 4 'L2 error'",
        "EDAC DEVICE1: UE: xgene instance: soc block: bus 'error'",
        'EDAC PCI: Signaled System Error on 0000:00:1c.0',
        'EDAC PCI: Bridge Detected Parity Error on 0000:00:1e.0',
      ),
    ).toEqual([
      'corrected cpu edac',
      'recoverable others edac',
      'recoverable pci edac 0000:00:1c.0',
      'recoverable pci edac 0000:00:1e.0',
    ]);
  });

  it('what drivers say of themselves is no event', () => {
    expect(
      summaries(
        'EDAC MC: Ver: 3.0.0',
        'EDAC MC1: Giving out device to module sb_edac controller Broadwell: DEV 0000:7f:12.0',
        'EDAC DEBUG: sbridge_probe: Registering MC#2 (3 of 4)',
        'EDAC amd64: MCT channel count: 2',
        'EDAC PCI0: Giving out device to module e752x_edac',
      ),
    ).toEqual([]);
  });
});
