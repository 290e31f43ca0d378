import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { ppc64be, ppc64le } from '../../../src/vmcore/arch/ppc64.ts';
import { translations } from '../../support/builders/translation.ts';

describe.each([ppc64le, ppc64be])('linear map of $name', (arch) => {
  it.each([
    ['first', 0xc000000000000000n, 0n],
    ['image', 0xc000000001234568n, 0x1234568n],
    ['past 1 TiB', 0xc000010000000000n, 0x10000000000n],
    ['last', 0xcfffffffffffffffn, 0x0fffffffffffffffn],
    ['vmalloc', 0xd000000000000000n, undefined],
    ['user space', 0x10000000n, undefined],
  ])('is the address without its first digit: %s', (_, address, physical) => {
    expect(translations(arch, address)).toEqual([physical]);
  });
});

it.each([
  ['SYMBOL(cur_cpu_spec)=c000000002000000\n', true],
  ['SYMBOL(_stext)=c000000000000000\n', false],
])('ownKey of ppc64 says of %j: %o', (keys, expected) => {
  expect(ppc64le.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
