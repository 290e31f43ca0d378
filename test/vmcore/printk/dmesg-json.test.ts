import { describe, expect, it } from 'vitest';

import { Corrupt } from '../../../src/vmcore/errors.ts';
import { dmesgJsonRecords } from '../../../src/vmcore/printk/dmesg-json.ts';

const read = (text: string): unknown[] => [...dmesgJsonRecords(text)];

describe('dmesg --json', () => {
  it('has facility and level as names with -x, as a number without', () => {
    const named = { fac: 'kern', pri: 'err', time: 1.5, caller: 'T55', dev: '+pci:x', msg: 'a' };
    const numbered = { pri: 12, time: 0, msg: 'b' };
    expect(read(JSON.stringify({ dmesg: [named, numbered] }))).toEqual([
      { timeSeconds: 1.5, facility: 0, level: 3, caller: 'T55', device: '+pci:x', text: 'a' },
      { timeSeconds: 0, facility: 1, level: 4, caller: null, device: null, text: 'b' },
    ]);
  });

  it('of a facility that nobody knows is not of the kernel', () => {
    expect(read('{"dmesg":[{"fac":"kernel","pri":"err","msg":"a"}]}')).toMatchObject([
      { facility: -1 },
    ]);
  });

  it('of a wrong shape gives records without what is wrong', () => {
    const entries = [null, 5, {}, { pri: 'x', time: 'y', caller: 7, dev: [], msg: {} }];
    expect(read(JSON.stringify({ dmesg: entries }))).toMatchObject([
      { text: '', timeSeconds: null },
      { text: '', caller: null, device: null },
    ]);
  });

  it.each(['{"dmesg":[{"msg":"a"}', '{"other":[]}', '[]'])('%s is refused', (text) => {
    expect(() => read(text)).toThrow(Corrupt);
  });
});
