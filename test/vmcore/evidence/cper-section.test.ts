import { describe, expect, it } from 'vitest';

import { fieldCategory, sectionCategory } from '../../../src/vmcore/evidence/cper-section.ts';
import { eventsOf } from '../../support/builders/kernel-log.ts';

function section(...lines: readonly string[]): unknown {
  const [event] = eventsOf(
    '{1}[Hardware Error]: event severity: recoverable',
    ...lines.map((line) => `{1}[Hardware Error]: ${line}`),
  );
  return event?.part;
}

it.each([
  ['memory', '  physical_address: 0x000000b50c68ce8'],
  ['ARM processor', '   physical fault address: 0x0000000123456'],
  ['ARM processor', '  Multiprocessor Affinity Register (MPIDR): 0x000000008108000'],
])('a %s section takes no number of a line that was cut: %s', (type, line) => {
  expect(section(`  section_type: ${type} error`, line)).toBeNull();
});

describe('sectionCategory', () => {
  it.each([
    ['section_type: general processor error', 'cpu'],
    ['section_type: IA32/X64 processor error', 'cpu'],
    ['section_type: ARM processor error', 'cpu'],
    ['section_type: memory error', 'memory'],
    ['section_type: PCIe error', 'pci'],
    ['section_type: CXL Protocol Error', 'cxl'],
    ['section_type: Firmware Error Record Reference', 'others'],
    ['section type: unknown, e8ed898d-df16-43cc-8ecc-54f060ef157f', 'others'],
    ['section type: unknown, fbcd0a77-c260-417f-85a9-088b1621eba6', 'cxl'],
    ['physical_address: 0x0', null],
  ])('of %s is %s', (text, category) => {
    expect(sectionCategory(text)).toBe(category);
  });
});

describe('fieldCategory', () => {
  it.each([
    ['physical_address: 0x000000b50c68ce80', 'memory'],
    ['node: 1 card: 4', 'memory'],
    ['MIDR: 0x00000000481fd010', 'cpu'],
    ['port_type: 0, PCIe end point', 'pci'],
    ['device_id: 0000:43:00.0', 'pci'],
    ['agent_type: 0, CXL 1.1 device', 'cxl'],
    ['error_type: 2, single-bit ECC', null],
  ])('of %s is %s', (text, category) => {
    expect(fieldCategory(text)).toBe(category);
  });
});

describe('the part of a section', () => {
  it('is the DIMM by its location, else by a slot of the FRU text, never by prose', () => {
    const memory = '  section_type: memory error';
    expect(section(' fru_text: B1', memory, '  DIMM location: CPU 1 DIMM 8 ')).toMatchObject({
      label: 'CPU 1 DIMM 8',
      fru: 'B1',
    });
    expect(section(' fru_text: B1', memory)).toMatchObject({ kind: 'dimm', label: 'B1' });
    expect(section(' fru_text: CorrectedErr', memory)).toBeNull();
    expect(
      section(memory, '  DIMM location: not present. DMI handle: 0x0012', '  node: 1 card: 4 '),
    ).toMatchObject({ label: null, location: 'node:1 card:4' });
  });

  it('is the device at device_id, which is there twice', () => {
    expect(
      section(
        '  section_type: PCIe error',
        '  device_id: 0000:43:00.0',
        '  vendor_id: 0x8086, device_id: 0x1563',
        '  serial number: 0x1234',
      ),
    ).toEqual({
      kind: 'pci',
      ...{ address: '0000:43:00.0', vendor: '8086', device: '1563', pe: null, location: null },
    });
  });

  it('is the processor by what its architecture calls it', () => {
    expect(
      section(
        '  section_type: ARM processor error',
        '  Multiprocessor Affinity Register (MPIDR): 0x0000000081080000',
        '  physical fault address: 0x0000000012345000',
      ),
    ).toMatchObject({ kind: 'cpu', mpidr: '0x81080000', physicalAddress: '0x12345000' });
    expect(
      section('  section_type: IA32/X64 processor error', '  Local APIC_ID: 0x40'),
    ).toMatchObject({ kind: 'cpu', apicId: '0x40' });
  });

  it.each([
    ['  processor_type: 0, IA32/X64', { mpidr: null, apicId: '0x81000100' }],
    ['  processor_type: 2, ARM', { mpidr: '0x81000100', apicId: null }],
    ['  processor_isa: 4, ARM A64', { mpidr: '0x81000100', apicId: null }],
  ])(
    'is the processor by what its architecture calls it, in a general section:%s',
    (type, part) => {
      const lines = ['  section_type: general processor error', type];
      expect(section(...lines, '  processor_id: 0x0000000081000100')).toMatchObject(part);
    },
  );
});
