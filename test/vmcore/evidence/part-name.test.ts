import { describe, expect, it } from 'vitest';

import { partName, sharedName } from '../../../src/vmcore/evidence/part-name.ts';
import type { Part } from '../../../src/vmcore/evidence/hardware-event.ts';

const PCI = {
  kind: 'pci',
  address: null,
  vendor: null,
  device: null,
  pe: null,
  location: null,
} as const;
const DIMM = {
  kind: 'dimm',
  ...{ label: null, location: null, physicalAddress: null, fru: null },
  ...{ cpu: null, socket: null, bank: null },
} as const;
const CPU = {
  kind: 'cpu',
  ...{ cpu: null, socket: null, bank: null, mpidr: null, apicId: null },
  ...{ unit: null, physicalAddress: null },
} as const;

describe.each<[Part | null, string | null, string | null]>([
  [null, null, null],
  [{ ...PCI, address: '0000:01:00.0', pe: 'PE#1' }, '0000:01:00.0', '0000:01:00.0'],
  [{ ...PCI, pe: 'PE#1' }, 'PE#1', 'PE#1'],
  [{ ...DIMM, label: 'A1', location: 'slot:0' }, 'A1', 'A1'],
  [{ ...DIMM, location: 'slot:0' }, 'slot:0', 'slot:0'],
  [{ ...CPU, cpu: 3, socket: 1, bank: 7 }, 'CPU 3 socket 1 bank 7', 'bank 7'],
  [{ ...CPU, mpidr: '0x81000000' }, 'MPIDR 0x81000000', null],
  [
    { ...CPU, apicId: '0x6', unit: 'Load Store Unit' },
    'APIC 0x6 Load Store Unit',
    'Load Store Unit',
  ],
  [CPU, null, null],
  [{ kind: 'page', physicalAddress: '0x12345000' }, 'page 0x12345000', null],
])('%j', (part, name, shared) => {
  it(`is called ${name}, and on every host ${shared}`, () => {
    expect(partName(part)).toBe(name);
    expect(sharedName(part)).toBe(shared);
  });
});
