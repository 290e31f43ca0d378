import { describe, expect, it } from 'vitest';

import { hardwareName } from '../../../src/vmcore/evidence/hardware-name.ts';

describe('hardwareName', () => {
  it.each([
    [
      'QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.17.0-debian-1.17.0-1 04/01/2014',
      ['QEMU', 'Standard PC (Q35 + ICH9, 2009)', null, '1.17.0-debian-1.17.0-1', '04/01/2014'],
    ],
    [
      'Dell Inc. PowerEdge R740/0923K0, BIOS 2.12.2 07/09/2021',
      ['Dell Inc.', 'PowerEdge R740', '0923K0', '2.12.2', '07/09/2021'],
    ],
    [
      'Lenovo ThinkSystem SR650, BIOS -[IVE636Z-2.13]- 07/18/2019',
      ['Lenovo', 'ThinkSystem SR650', null, '-[IVE636Z-2.13]-', '07/18/2019'],
    ],
    ['Vendor Model (a/b), BIOS 1 01/01/2020', ['Vendor', 'Model (a/b)', null, '1', '01/01/2020']],
    [
      'Raspberry Pi 4 Model B Rev 1.4 (DT)',
      [null, 'Raspberry Pi 4 Model B Rev 1.4', null, null, null],
    ],
    ['IBM 3931 A01 782 (KVM/Linux)', ['IBM', '3931 A01 782 (KVM/Linux)', null, null, null]],
  ])('%s', (raw, [vendor, model, board, biosVersion, biosDate]) => {
    expect(hardwareName(raw)).toEqual({ raw, vendor, model, board, biosVersion, biosDate });
  });

  it('is null for no text', () => {
    expect(hardwareName(' ')).toBeNull();
  });
});
