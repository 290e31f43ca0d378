import { describe, expect, it } from 'vitest';

import { virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { arm64 } from '../../../src/vmcore/paging/arm64.ts';

const NO_HINTS = { physBase: 0n, mapped: [] };

function translated(address: bigint, voffset: string): bigint | undefined {
  const info = new Vmcoreinfo(`NUMBER(kimage_voffset)=${voffset}\n`);
  return arm64.image(info, NO_HINTS)?.(virtAddr(address));
}

describe('image of arm64', () => {
  it.each([
    ['no KASLR', 0xffff800080000000n, '0xffff800040000000', 0x40000000n],
    ['KASLR', 0xffffb31b48a01234n, '0xffffb31b07600000', 0x41401234n],
    ['52-bit addresses', 0xfff0800080000000n, '0xfff0800000000000', 0x80000000n],
    ['an offset past the address wraps', 0x1000n, '0xffffffffffff0000', 0x11000n],
  ])('lies kimage_voffset below its virtual address: %s', (_, address, voffset, physical) => {
    expect(translated(address, voffset)).toBe(physical);
  });

  it('is unknown without kimage_voffset', () => {
    expect(arm64.image(new Vmcoreinfo('NUMBER(VA_BITS)=48\n'), NO_HINTS)).toBeUndefined();
  });
});

it.each([
  ['NUMBER(kimage_voffset)=0xffff800040000000\n', true],
  ['NUMBER(phys_base)=0\n', false],
])('ownKey of arm64 says of %j: %o', (keys, expected) => {
  expect(arm64.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
