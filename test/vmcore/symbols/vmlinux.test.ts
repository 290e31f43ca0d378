import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { vmlinux } from '../../../src/vmcore/symbols/vmlinux.ts';
import { BYTE_ORDERS, orderName, patched } from '../../support/builders/bytes.ts';
import { type VmlinuxRecipe, vmlinuxFile } from '../../support/builders/vmlinux-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const ID = '0123456789abcdef0123456789abcdef01234567';
const SYMBOLS = [
  { name: 'next', address: 0xc2000090n },
  { name: 'hwerr_data', address: 0xc2000040n },
  { name: 'hwerr_alias', address: 0xc2000040n },
  { name: '_stext', address: 0xc1000000n },
  { name: 'static.llvm.77', address: 0xc2000100n },
  { name: 'asked_for', address: 0n, section: 0 },
];

const open = (recipe: Partial<VmlinuxRecipe> = {}) =>
  vmlinux(bytesSource(vmlinuxFile({ symbols: SYMBOLS, buildId: ID, ...recipe })), DEFAULT_LIMITS);

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'vmlinux, %s',
  (_, order) => {
    it('has a build id, and symbols that need be in no order', () => {
      const file = open({ order });
      expect(file).toMatchObject({ kind: 'vmlinux', buildId: ID });
      expect(file.at(0n).find('hwerr_data')).toEqual({
        name: 'hwerr_data',
        address: 0xc2000040n,
        size: 0x50n,
      });
      expect(file.linkAddress('_stext')).toBe(0xc1000000n);
    });
  },
);

describe('vmlinux', () => {
  it('moves every symbol by the shift', () => {
    expect(open().at(0x200000n).find('hwerr_data')).toMatchObject({
      address: 0xc2200040n,
      size: 0x50n,
    });
  });

  it('takes a name with a suffix of link-time optimisation', () => {
    expect(open().at(0n).find('static', ['.llvm.'])?.name).toBe('static.llvm.77');
    expect(open().at(0n).find('static')).toBeUndefined();
  });

  it('has no size for the last symbol, and no symbol that is only asked for', () => {
    expect(open().at(0n).find('static.llvm.77')?.size).toBeUndefined();
    expect(open().linkAddress('asked_for')).toBeUndefined();
    expect(open().linkAddress('hwerr')).toBeUndefined();
  });

  it('has no build id where there is no note of it', () => {
    expect(open({ buildId: null }).buildId).toBeUndefined();
  });

  it('throws Corrupt when it was stripped', () => {
    const error = thrownBy(() => open({ symtab: false }));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.message).toContain('want a file that is not stripped');
  });

  it.each([
    ['within its header', 40],
    ['before its sections', -10],
  ])('throws Corrupt (truncated) when the file ends %s', (_, length) => {
    const bytes = vmlinuxFile({ symbols: SYMBOLS }).subarray(0, length);
    expect(thrownBy(() => vmlinux(bytesSource(bytes), DEFAULT_LIMITS)).reason).toBe('truncated');
  });

  it('throws LimitExceeded for more sections, or larger ones, than the limits', () => {
    const source = bytesSource(vmlinuxFile({ symbols: SYMBOLS }));
    for (const limit of [{ symbolFileSections: 3 }, { symbolFileBytes: 50 }]) {
      const error = thrownBy(() => vmlinux(source, { ...DEFAULT_LIMITS, ...limit }));
      expect(error.tag).toBe('LimitExceeded');
    }
  });

  it('throws no other error, whatever byte of it is damaged', () => {
    const bytes = vmlinuxFile({ symbols: SYMBOLS, buildId: ID });
    for (let at = 4; at < bytes.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const source = bytesSource(patched(bytes, at, Uint8Array.of(value)));
        try {
          vmlinux(source, DEFAULT_LIMITS).at(0n).find('hwerr_data');
        } catch (error) {
          expect(error).toHaveProperty('tag');
        }
      }
    }
  });
});
