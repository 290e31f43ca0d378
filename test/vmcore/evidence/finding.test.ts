import { expect, it } from 'vitest';

import { Findings } from '../../../src/vmcore/evidence/finding.ts';
import { eventsOf } from '../../support/builders/kernel-log.ts';

it('findings keep the order of their first lines and may be filled in later', () => {
  const findings = new Findings();
  const line = { time: 3, caller: 'T5', level: null, device: null, text: '' };
  const first = findings.open(line, { kind: 'mce', source: 'mce' });
  findings.open({ ...line, time: 4 }, { kind: 'edac', source: 'edac', count: 2 });
  first.lastTime = 9;
  expect(findings.all).toMatchObject([
    { time: 3, lastTime: 9, caller: 'T5', severity: null, count: 1 },
    { time: 4, lastTime: 4, count: 2 },
  ]);
});

it.each([
  [
    'mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 7: 8c00004000010090',
    'mce: [Hardware Error]: TSC 0 ADDR 1234 ',
  ],
  [
    'mce: [Hardware Error]: CPU 1: Machine Check Exception: 5 Bank 0: be00000000800400',
    'mce: [Hardware Error]: Machine check: Processor context corrupt',
  ],
  [
    '[Hardware Error]: CPU:2 (17:31:0) MC16_STATUS[-|CE|MiscV|AddrV|-|-|SyndV|UECC|-|-|-]: 0xdc2040000000011b',
    '[Hardware Error]: Unified Memory Controller Ext. Error Code: 0, DRAM ECC error.',
  ],
  [
    'EDAC skx MC0: CPU 0: Machine Check Event: 0x0 Bank 13: 0xcc001380000800c0',
    'EDAC skx MC0: ADDR 0xd6db0b8c0 ',
  ],
  [
    'MCE: CPU0: machine check (Severe) Host UE Load/Store [Not recovered]',
    'MCE: CPU0: NIP: [c000000000012345] memcpy+0x10/0x20',
  ],
  ['Severe Hypervisor Maintenance interrupt [Recovered]', ' Error detail: Processor Recovery done'],
  [
    'igb 0000:09:00.1: AER: aer_status: 0x00004000, aer_mask: 0x00000000',
    'igb 0000:09:00.1: AER: aer_uncor_severity: 0x00066011',
  ],
  ['EEH: Frozen PHB#3-PE#2 detected', 'EEH: Frozen PHB#3-PE#2 detected'],
])('%s: a line that comes long after is of another error', (first, next) => {
  const [alone] = eventsOf(100, first);
  expect(alone).toBeDefined();
  expect(eventsOf(100, first, 200, next)[0]).toEqual(alone);
  expect(eventsOf(100, first, 101, next)).not.toEqual([alone]);
});
