import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

const HE = '[Hardware Error]: ';

function block(outcome: string, unit: string, bank = 17): string[] {
  return [
    outcome,
    `CPU:3 (19:1:1) MC${bank}_STATUS[Over|CE|-|AddrV|-|-|SyndV|CECC|-|-|-]: 0xd42040000000011b`,
    'Error Addr: 0x0000000b3cbdbbc0',
    'IPID: 0x0000009600650f00, Syndrome: 0x6bd210000a801002',
    `${unit} Ext. Error Code: 0, DRAM ECC error.`,
    'cache level: L3/GEN, tx: GEN, mem-tx: RD',
  ].map((line) => `${HE}${line}`);
}

const CORRECTED = 'Corrected error, no action required.';
const UMC = 'Unified Memory Controller';

describe('machine checks that the kernel decodes for AMD', () => {
  it.each([
    [CORRECTED, 'corrected'],
    ['Deferred error, no action required.', 'recoverable'],
    ['Uncorrected, software restartable error.', 'recoverable'],
    ['Uncorrected, software containable error.', 'recoverable'],
    ['System Fatal error.', 'fatal'],
  ])('%s', (outcome, severity) => {
    expect(eventsOf(...block(outcome, UMC))).toMatchObject([{ severity, category: 'memory' }]);
  });

  it.each([
    [UMC, 'memory'],
    ['Load Store Unit', 'cpu'],
    ['L3 Cache', 'cpu'],
    ['Platform Security Processor', 'cpu'],
    ['Power, Interrupts, etc.', 'others'],
    ['Global Memory Interconnect', 'others'],
    ['PCIE Root Port', 'pci'],
    ['Northbridge IO Unit', 'pci'],
  ])('of %s are of category %s', (unit, category) => {
    expect(eventsOf(...block(CORRECTED, unit))).toMatchObject([{ category, part: { unit } }]);
  });

  it('of a memory controller give no address, which would be one of their channel', () => {
    expect(eventsOf(...block(CORRECTED, UMC))).toMatchObject([
      { part: { kind: 'cpu', cpu: 3, bank: 17, physicalAddress: null } },
    ]);
  });

  it('say nothing of a status or an address whose lines were cut', () => {
    const [, status = ''] = block(CORRECTED, UMC);
    const event = (text: string): unknown =>
      eventsOf(`${HE}Error Addr: 0x00000002a5e6d3f`, text)[0];
    expect(event(status)).toMatchObject({ severity: 'corrected', severityUnknown: false });
    expect(event(status.slice(0, -4))).toMatchObject({ severityUnknown: true });
  });

  it('of old kernels name the unit and the error in two lines', () => {
    const lines = block(CORRECTED, 'Load Store Unit', 0).flatMap((line) =>
      line.includes('Ext. ')
        ? [
            `${HE}Load Store Unit Extended Error Code: 3`,
            `${HE}Load Store Unit Error: Store queue parity error.`,
          ]
        : [line],
    );
    expect(eventsOf(...lines)).toMatchObject([
      { category: 'cpu', part: { unit: 'Load Store Unit' }, detail: 'Store queue parity error.' },
    ]);
  });

  it('of a reserved bank are one event, whether or not the kernel goes on with its unit', () => {
    const [, ...lines] = block(CORRECTED, 'Reserved', 4);
    lines.splice(3, 0, `${HE}Bank 4 is reserved on Fam17h.`);
    expect(eventsOf(...lines)).toMatchObject([{ part: { cpu: 3, bank: 4 } }]);
  });

  it('with an EDAC line behind them are one event, of the DIMM', () => {
    expect(
      summaries(
        ...block(CORRECTED, UMC),
        'EDAC MC0: 1 CE on mc#0csrow#1channel#3 (csrow:1 channel:3 page:0xb3cbdb offset:0xbc0 grain:64 syndrome:0x1002)',
      ),
    ).toEqual(['corrected memory edac mc#0csrow#1channel#3']);
  });

  it('one after another are as many events', () => {
    expect(eventsOf(...block(CORRECTED, UMC), ...block(CORRECTED, UMC))).toHaveLength(2);
  });

  it('before SMCA name the error first, and the northbridge a physical address', () => {
    expect(
      eventsOf(
        `${HE}MC4 Error (node 0): DRAM ECC error detected on the NB.`,
        `${HE}Error Status: Corrected error, no action required.`,
        `${HE}CPU:0 (15:2:0) MC4_STATUS[-|CE|MiscV|-|AddrV|-|-|CECC]: 0x9c00400000080a13`,
        `${HE}Error Addr: 0x0000000012345000`,
        `${HE}cache level: L3/GEN, mem/io: MEM, mem-tx: RD, part-proc: RES (no timeout)`,
      ),
    ).toMatchObject([
      { category: 'memory', severity: 'corrected', part: { physicalAddress: '0x12345000' } },
    ]);
    expect(
      summaries(
        `${HE}MC1 Error: Parity error during data load.`,
        `${HE}Error Status: Corrected error, no action required.`,
        `${HE}CPU:2 (15:2:0) MC1_STATUS[-|CE|-|-|-]: 0x9080000000010150`,
      ),
    ).toEqual(['corrected cpu mce CPU 2']);
  });

  it.each(['MC4 Error Address', '\tMC4_ADDR'])('before v4.10 call an address %s', (name) => {
    expect(
      eventsOf(
        `${HE}CPU:0\tMC4_STATUS[Over|CE|MiscV|-|AddrV|CECC]: 0xdc10410040080a13`,
        `${HE}${name}: 0x0000000d5a3f1b40`,
        `${HE}Northbridge Error (node 4): DRAM ECC error detected on the NB.`,
      ),
    ).toMatchObject([{ part: { physicalAddress: '0xd5a3f1b40' } }]);
  });

  it('of bad data that a CPU met are of memory, one with what became of the page', () => {
    const consumed = [
      'mce: [Hardware Error]: Machine check events logged',
      `${HE}Uncorrected, software restartable error.`,
      `${HE}CPU:7 (17:1:1) MC0_STATUS[-|UE|MiscV|AddrV|-|-|-|UECC|-|Poison|-]: 0xbc002800000c0135`,
      `${HE}Error Addr: 0x000000079d6c8440`,
      `${HE}Load Store Unit Ext. Error Code: 12`,
      `${HE}cache level: L1, tx: DATA, mem-tx: DRD`,
      'mce: Uncorrected hardware memory error in user-access at 79d6c8440',
      'Memory failure: 0x79d6c8: recovery action for unsplit thp: Ignored',
      'mce: Memory error not recovered',
    ];
    expect(eventsOf(...consumed)).toMatchObject([
      { category: 'memory', severity: 'recoverable', source: 'mce', part: { cpu: 7 } },
    ]);
    const found = [
      `${HE}Deferred error, no action required.`,
      `${HE}CPU:0 (17:1:1) MC15_STATUS[Over|-|MiscV|AddrV|-|-|SyndV|UECC|Deferred|-|-]: 0xdc2030000000011b`,
      `${HE}${UMC} Ext. Error Code: 0, DRAM ECC error.`,
      'EDAC MC0: 1 UE on mc#0csrow#0channel#0 (csrow:0 channel:0 page:0x79d6c8 offset:0x440 grain:64)',
    ];
    expect(summaries(...found, ...consumed)).toEqual([
      'recoverable memory edac mc#0csrow#0channel#0',
    ]);
  });

  it('lose nothing when what pr_cont() adds becomes a record of its own', () => {
    expect(
      summaries(
        `${HE}CPU:3 (19:1:1) MC17_STATUS[Over|UE|-|AddrV`,
        'usb 1-1: something else',
        '|-|SyndV|UECC|-|-|-]: 0xf42040000000011b',
        `${HE}${UMC} Ext. Error Code: 0`,
      ),
    ).toEqual(['recoverable memory mce CPU 3']);
  });
});
