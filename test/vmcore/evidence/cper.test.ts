import { describe, expect, it } from 'vitest';

import { eventsOf, evidenceOf, summaries } from '../../support/builders/kernel-log.ts';

function ghes(number: number, severity: string, ...lines: readonly string[]): string[] {
  return [
    'Hardware error from APEI Generic Hardware Error Source: 1',
    `event severity: ${severity}`,
    ...lines,
  ].map((line) => `{${number}}[Hardware Error]: ${line}`);
}

describe('firmware records', () => {
  it.each([
    ['corrected', 'corrected'],
    ['recoverable', 'recoverable'],
    ['fatal', 'fatal'],
    ['info', 'informational'],
  ])('of event severity %s are %s', (word, severity) => {
    expect(
      summaries(...ghes(1, word, ' Error 0, type: corrected', '  section_type: memory error')),
    ).toEqual([`${severity} memory ghes`]);
  });

  it('of a severity that firmware does not know count as recoverable, and say so', () => {
    expect(eventsOf(...ghes(1, 'unknown', '  section_type: memory error'))).toMatchObject([
      { severity: 'recoverable', severityUnknown: true },
    ]);
  });

  it('that two CPUs print at a time are told apart by their number', () => {
    const one = ghes(7, 'corrected', '  section_type: memory error', '  DIMM location: A1 ');
    const other = ghes(8, 'recoverable', '  section_type: memory error', '  DIMM location: B1 ');
    const mixed = one.flatMap((line, at) => [line, other[at] ?? '']);
    expect(summaries(...mixed)).toEqual(['corrected memory ghes A1', 'recoverable memory ghes B1']);
  });

  it('with two sections of one part are one event, of two parts two with their own severity', () => {
    const section = (number: number, severity: string, address: string): string[] => [
      ` Error ${number}, type: ${severity}`,
      '  section_type: memory error',
      `  physical_address: 0x000000000000${address}`,
    ];
    const same = [...section(0, 'recoverable', '1000'), ...section(1, 'recoverable', '1000')];
    expect(summaries(...ghes(1, 'recoverable', ...same))).toEqual([
      'recoverable memory ghes 0x1000',
    ]);
    const two = [...section(0, 'corrected', '1000'), ...section(1, 'recoverable', '2000')];
    expect(summaries(...ghes(1, 'recoverable', ...two))).toEqual([
      'corrected memory ghes 0x1000',
      'recoverable memory ghes 0x2000',
    ]);
  });

  const MPIDR = '  Multiprocessor Affinity Register (MPIDR): 0x0000000081080000';
  const CPU = ['  section_type: ARM processor error', MPIDR];
  const PORT = ['  section_type: PCIe error', '  port_type: 4, root port'];
  const ADDRESS = ['  section_type: memory error', '  physical_address: 0x0000000000001000'];
  const DIMM = ['  section_type: memory error', '  DIMM location: A1 '];
  const BARE = ['  section_type: Firmware Error Record Reference', '  Revision: 0'];
  it.each([
    ['names a part to replace', ['fatal', CPU], ['fatal', DIMM], ['fatal', BARE], 'memory'],
    ['names an address', ['fatal', CPU], ['fatal', ADDRESS], ['fatal', CPU], 'memory'],
    ['is the most severe', ['fatal', BARE], ['recoverable', DIMM], ['corrected', CPU], 'others'],
    ['comes first of equals', ['fatal', BARE], ['fatal', PORT], ['corrected', DIMM], 'others'],
  ] as const)('that end the kernel are of the section that %s', (_, one, two, three, category) => {
    const sections = [one, two, three].flatMap(([severity, lines], number) => [
      ` Error ${number}, type: ${severity}`,
      ...lines,
    ]);
    const panic = 'Kernel panic - not syncing: GHES: Fatal hardware error';
    const { crash, hardwareEvents } = evidenceOf(...ghes(1, 'fatal', ...sections), panic);
    expect(crash?.cause).toMatchObject({ category, severity: 'fatal', source: 'ghes' });
    expect(hardwareEvents).toContainEqual(crash?.cause);
    expect(new Set(hardwareEvents.map(({ severity }) => severity))).toEqual(
      new Set([one, two, three].map(([severity]) => severity)),
    );
  });

  it('that lost their first lines are still events', () => {
    expect(
      summaries(
        '{24}[Hardware Error]:  Error 0, type: recoverable',
        '{24}[Hardware Error]:   section_type: PCIe error',
        '{24}[Hardware Error]:   device_id: 0000:43:00.0',
      ),
    ).toEqual(['recoverable pci ghes 0000:43:00.0']);
  });

  it.each([
    ['  error_type: 2, single-bit ECC', 'corrected memory ghes'],
    ['  error_type: 3, multi-bit ECC', 'recoverable memory ghes'],
  ])('that lost the lines of their severity are as severe as%s', (line, summary) => {
    expect(summaries('{24}[Hardware Error]:   node:1 ', `{24}[Hardware Error]: ${line}`)).toEqual([
      `${summary} node:1`,
    ]);
  });

  it.each([
    ['vendor_id: 0x8086, device_id: 0x2f04', 'class_code: 060400', 'pci'],
    ['bridge: secondary_status: 0x2000, control: 0x0003', 'x', 'pci'],
    ['aer_uncor_status: 0x00000000, aer_uncor_mask: 0x00000000', 'x', 'pci'],
    ['sub_vendor_id: 0x0000, sub_device_id: 0x0000', 'class_code: 0502', 'cxl'],
  ])('that lost the line of their type are what %s is of', (one, other, category) => {
    const lines = [one, other].map((text) => `{24}[Hardware Error]:   ${text}`);
    expect(eventsOf(...lines)).toMatchObject([{ category }]);
  });

  it.each(['{0}', '{1} ', '{7}queue stopped', '{12}: timeout, type: 3'])(
    'are not what only begins with a number: %s',
    (text) => {
      expect(eventsOf(text)).toEqual([]);
    },
  );

  it('of extlog whose first lines are gone are known by their fields', () => {
    expect(summaries('{1}  section_type: memory error')).toEqual(['recoverable memory extlog']);
  });

  it('of extlog have no prefix but their number', () => {
    expect(
      summaries(
        '{1}Hardware error detected on CPU3',
        '{1}event severity: corrected',
        '{1} Error 0, type: corrected',
        '{1}  section_type: memory error',
        '{1}  physical_address: 0x0000000012345000',
      ),
    ).toEqual(['corrected memory extlog 0x12345000']);
  });

  it('that are informational are what the kernel counts', () => {
    expect(eventsOf(...ghes(1, 'info', '  section_type: ARM processor error'))).toMatchObject([
      { category: 'cpu', hwerrCategory: 'cpu' },
    ]);
    expect(eventsOf(...ghes(1, 'recoverable', '  section_type: memory error'))).toMatchObject([
      { hwerrCategory: null },
    ]);
  });

  it('without a number are of the boot before', () => {
    const { hardwareEvents, previousBootRecords } = evidenceOf(
      'BERT: Error records from previous boot:',
      '[Hardware Error]: event severity: fatal',
      '[Hardware Error]:  Error 0, type: fatal',
      '[Hardware Error]:   section_type: memory error',
      'BERT: Total records found: 2',
    );
    expect(hardwareEvents).toEqual([]);
    expect(previousBootRecords).toBe(2);
  });
});
