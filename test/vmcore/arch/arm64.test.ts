import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { arm64 } from '../../../src/vmcore/arch/arm64.ts';
import { translations } from '../../support/builders/translation.ts';

function translated(address: bigint, keys: string): bigint | undefined {
  return translations(arm64, address, { keys })[0];
}

describe('image of arm64', () => {
  it.each([
    ['no KASLR', 0xffff800080000000n, '0xffff800040000000', 0x40000000n],
    ['KASLR', 0xffffb31b48a01234n, '0xffffb31b07600000', 0x41401234n],
    ['52-bit addresses', 0xfff0800080000000n, '0xfff0800000000000', 0x80000000n],
    ['an offset past the address wraps', 0x1000n, '0xffffffffffff0000', 0x11000n],
  ])('lies kimage_voffset below its virtual address: %s', (_, address, voffset, physical) => {
    expect(translated(address, `NUMBER(kimage_voffset)=${voffset}\n`)).toBe(physical);
  });

  it('is unknown without kimage_voffset', () => {
    expect(translations(arm64, 0n, { keys: 'NUMBER(VA_BITS)=48\n' })).toEqual([]);
  });
});

describe('linear map of arm64', () => {
  const IMAGE = 'NUMBER(kimage_voffset)=0xffff800040000000\n';
  const keys = (bits: number, physOffset: string, t1sz?: string): string =>
    `${IMAGE}NUMBER(VA_BITS)=${bits}\nNUMBER(PHYS_OFFSET)=${physOffset}\n` +
    (t1sz === undefined ? '' : `NUMBER(TCR_EL1_T1SZ)=${t1sz}\n`);

  it.each([
    ['48 bits', keys(48, '0x40000000'), 0xffff000012345678n, 0x52345678n],
    ['48 bits, first', keys(48, '0x40000000'), 0xffff000000000000n, 0x40000000n],
    ['48 bits, the image is behind it', keys(48, '0x40000000'), 0xffff800040000000n, 0n],
    ['47 bits (16 KiB pages)', keys(47, '0x80000000', '0x11'), 0xffff800000001000n, 0x80001000n],
    ['39 bits', keys(39, '0x80000000'), 0xffffff8000001000n, 0x80001000n],
    ['52 bits on 52', keys(52, '0x40000000', '0xc'), 0xfff0000000001000n, 0x40001000n],
    // What a kernel for 52 bits says on hardware with 48: PHYS_OFFSET is wrapped below zero.
    ['52 bits on 48', keys(52, '0xfff1000040000000', '0x10'), 0xffff000000001000n, 0x40001000n],
    [
      '52 bits on 48, the image',
      keys(52, '0xfff1000040000000', '0x10'),
      0xffff800040001000n,
      0x1000n,
    ],
  ])('begins at PHYS_OFFSET: %s', (_, text, address, physical) => {
    expect(translated(address, text)).toBe(physical);
  });

  it.each([
    ['no VA_BITS', `${IMAGE}NUMBER(PHYS_OFFSET)=0x40000000\n`],
    ['no PHYS_OFFSET', `${IMAGE}NUMBER(VA_BITS)=48\n`],
    ['a VA_BITS of 64', keys(64, '0x40000000')],
  ])('is unknown, and the image is not, with %s', (_, text) => {
    expect(translated(0xffff800040001000n, text)).toBe(0x1000n);
  });

  it('goes by VA_BITS when T1SZ makes no sense', () => {
    expect(translated(0xffff000000001000n, keys(48, '0x40000000', '0x3f'))).toBe(0x40001000n);
  });
});

it.each([
  ['NUMBER(kimage_voffset)=0xffff800040000000\n', true],
  ['NUMBER(phys_base)=0\n', false],
])('ownKey of arm64 says of %j: %o', (keys, expected) => {
  expect(arm64.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
