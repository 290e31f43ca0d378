import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { loongarch64 } from '../../../src/vmcore/arch/loongarch64.ts';
import { translations } from '../../support/builders/translation.ts';

describe('windows of loongarch64', () => {
  it.each([
    ['cached', 0x9000000001234568n, 0x1234568n],
    ['uncached', 0x8000000001234568n, 0x1234568n],
    ['last', 0x9000ffffffffffffn, 0xffffffffffffn],
    ['past the window', 0x9001000000000000n, undefined],
    ['modules and vmalloc', 0xffff800000000000n, undefined],
    ['user space', 0x120000000n, undefined],
  ])('hold the physical address: %s', (_, address, physical) => {
    expect(translations(loongarch64, address)).toEqual([physical]);
  });
});

it.each([
  ['SYMBOL(_stext)=9000000000200000\n', true],
  ['SYMBOL(_stext)=ffffffff81000000\n', false],
  ['X=1\n', false],
])('ownKey of loongarch64 says of %j: %o', (keys, expected) => {
  expect(loongarch64.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
