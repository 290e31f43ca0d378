import { describe, expect, it } from 'vitest';

import { physAddr, virtAddr } from '../../../src/vmcore/bytes/units.ts';
import type { AddressHints } from '../../../src/vmcore/container/dump.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { x86_64 } from '../../../src/vmcore/paging/x86_64.ts';

const START = 0xffffffff80000000n;
const NO_HINTS: AddressHints = { physBase: undefined, mapped: [] };

function translated(address: bigint, keys: string, hints = NO_HINTS): bigint | undefined {
  return x86_64.image(new Vmcoreinfo(keys), hints)?.(virtAddr(address));
}

describe('image of x86_64', () => {
  it.each([
    ['no KASLR', 'NUMBER(phys_base)=0\n', 0x1000000n, 0x1000000n],
    ['KASLR up', 'NUMBER(phys_base)=270532608\n', 0x1000000n, 0x11200000n],
    ['KASLR, phys_base negative', 'NUMBER(phys_base)=-656408576\n', 0x2a000000n, 0x2e00000n],
    ['phys_base beyond 4 GiB', 'NUMBER(phys_base)=68719476736\n', 0x1000n, 0x10_0000_1000n],
  ])('lies at phys_base: %s', (_, keys, offset, physical) => {
    expect(translated(START + offset, keys)).toBe(physical);
  });

  it.each([
    ['before the map', START - 1n, undefined],
    ['first', START, 0n],
    ['last of 1 GiB', START + (1n << 30n) - 1n, (1n << 30n) - 1n],
    ['past 1 GiB: modules', START + (1n << 30n), undefined],
    ['the direct map', 0xffff888000000000n, undefined],
    ['user space', 0x400000n, undefined],
  ])('ends after 1 GiB: %s', (_, address, physical) => {
    expect(translated(address, 'NUMBER(phys_base)=0\n')).toBe(physical);
  });

  it('ends after KERNEL_IMAGE_SIZE where VMCOREINFO has it', () => {
    const keys = 'NUMBER(phys_base)=0\nNUMBER(KERNEL_IMAGE_SIZE)=536870912\n';
    expect(translated(START + 0x1fffffffn, keys)).toBe(0x1fffffffn);
    expect(translated(START + 0x20000000n, keys)).toBeUndefined();
  });

  it('takes phys_base of the sub header for want of a key', () => {
    const hints = { ...NO_HINTS, physBase: 0x1000n };
    expect(translated(START, 'X=1\n', hints)).toBe(0x1000n);
    expect(translated(START, 'NUMBER(phys_base)=0\n', hints)).toBe(0n);
  });

  it('takes the program header that maps the image for want of anything else', () => {
    const range = (virtual: bigint, physical: bigint) => ({
      virtual: virtAddr(virtual),
      physical: physAddr(physical),
      length: 0x1000n,
    });
    const direct = range(0xffff888000000000n, 0x5000n);
    const image = range(0xffffffff81000000n, 0x3000000n);
    const hints = { ...NO_HINTS, mapped: [direct, image] };
    expect(translated(0xffffffff81000010n, 'X=1\n', hints)).toBe(0x3000010n);
    expect(translated(START, 'X=1\n', { ...NO_HINTS, mapped: [direct] })).toBeUndefined();
  });

  it('is unknown when nothing says where it was loaded', () => {
    expect(x86_64.image(new Vmcoreinfo('X=1\n'), NO_HINTS)).toBeUndefined();
  });
});

it.each([
  ['NUMBER(phys_base)=0\nNUMBER(KERNEL_IMAGE_SIZE)=1073741824\n', true],
  ['NUMBER(phys_base)=0\n', false],
  ['NUMBER(kimage_voffset)=0x10\n', false],
])('ownKey of x86_64 says of %j: %o', (keys, expected) => {
  expect(x86_64.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
