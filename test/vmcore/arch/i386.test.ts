import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { i386 } from '../../../src/vmcore/arch/i386.ts';
import { translations } from '../../support/builders/translation.ts';

describe('low memory of i386', () => {
  it.each([
    ['3 GiB for users', 'c1000000', 0xc1234568n, 0x1234568n],
    ['2 GiB for users', '81000000', 0x81234568n, 0x1234568n],
    ['1 GiB for users', '41000000', 0x41234568n, 0x1234568n],
    ['user space', 'c1000000', 0xbffff000n, undefined],
  ])('begins at PAGE_OFFSET: %s', (_, stext, address, physical) => {
    const keys = `SYMBOL(_stext)=${stext}\n`;
    expect(translations(i386, address, { keys })).toEqual([physical]);
  });

  it('is unknown without _stext', () => {
    expect(translations(i386, 0xc1000000n)).toEqual([]);
  });
});

it.each([
  ['CONFIG_X86_PAE=y\n', true],
  ['NUMBER(KERNEL_IMAGE_SIZE)=536870912\n', true],
  ['NUMBER(KERNEL_IMAGE_SIZE)=1073741824\n', false],
  ['X=1\n', false],
])('ownKey of i386 says of %j: %o', (keys, expected) => {
  expect(i386.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
