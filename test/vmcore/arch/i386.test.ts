import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { i386 } from '../../../src/vmcore/arch/i386.ts';
import { translations } from '../../support/builders/translation.ts';

describe('low memory of i386', () => {
  it.each([
    ['3 GiB for users', 'c1000000', 0xc1234568n],
    ['3 GiB for users, but for what 1 GiB of RAM takes', 'b1000000', 0xb1234568n],
    ['2 GiB for users', '81000000', 0x81234568n],
    ['2 GiB for users, but for what 2 GiB of RAM take', '79000000', 0x79234568n],
    ['1 GiB for users', '41000000', 0x41234568n],
  ])('begins at PAGE_OFFSET: %s', (_, stext, address) => {
    const [first] = translations(i386, address, { keys: `SYMBOL(_stext)=${stext}\n` });
    expect(first).toBe(0x1234568n);
  });

  it('may begin below a multiple of 1 GiB that KASLR moved the image past', () => {
    const keys = 'SYMBOL(_stext)=c1000000\n';
    expect(translations(i386, 0xc1234568n, { keys })).toEqual([0x1234568n, 0x11234568n]);
  });

  it('has no address of user space', () => {
    const keys = 'SYMBOL(_stext)=41000000\n';
    expect(translations(i386, 0x3ffff000n, { keys })).toEqual([undefined]);
  });

  it('is unknown without _stext', () => {
    expect(translations(i386, 0xc1000000n)).toEqual([]);
  });
});

it.each([
  ['CONFIG_X86_PAE=y\n', true],
  ['X=1\n', false],
])('ownKey of i386 says of %j: %o', (keys, expected) => {
  expect(i386.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
