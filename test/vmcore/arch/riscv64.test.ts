import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { riscv64 } from '../../../src/vmcore/arch/riscv64.ts';
import { translations } from '../../support/builders/translation.ts';

const IMAGE =
  'NUMBER(KERNEL_LINK_ADDR)=0xffffffff80000000\n' +
  'NUMBER(va_kernel_pa_offset)=0xfffffffeffe00000\n';
const MEMORY = 'NUMBER(PAGE_OFFSET)=0xff60000000000000\nNUMBER(phys_ram_base)=0x80000000\n';

describe('addresses of riscv64', () => {
  it.each([
    ['the image', 0xffffffff80001234n, 0x80201234n],
    ['memory', 0xff60000012345678n, 0x92345678n],
    ['below memory', 0x5000n, undefined],
  ])('lie where VMCOREINFO says: %s', (_, address, physical) => {
    expect(translations(riscv64, address, { keys: IMAGE + MEMORY })).toEqual([physical]);
  });

  it.each(['NUMBER(PAGE_OFFSET)', 'NUMBER(phys_ram_base)'])('need no %s for the image', (key) => {
    const keys = (IMAGE + MEMORY).replace(new RegExp(`${key.replace(/[()]/g, '\\$&')}.*\n`), '');
    expect(translations(riscv64, 0xffffffff80001234n, { keys })).toEqual([0x80201234n]);
    expect(translations(riscv64, 0xff60000012345678n, { keys })).toEqual([undefined]);
  });

  it.each(IMAGE.trim().split('\n'))('are unknown with nothing but %s', (line) => {
    expect(translations(riscv64, 0n, { keys: `${line}\n` })).toEqual([]);
  });
});

it.each([
  [IMAGE, true],
  [MEMORY, false],
])('ownKey of riscv64 says of %j: %o', (keys, expected) => {
  expect(riscv64.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
