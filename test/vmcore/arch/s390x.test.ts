import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { s390x } from '../../../src/vmcore/arch/s390x.ts';
import { translations } from '../../support/builders/translation.ts';

const SINCE_6_10 = 'KERNELOFFSET=3ffe0000000\nKERNELOFFPHYS=2a000000\nIDENTITYBASE=1000000000\n';

describe('addresses of s390x', () => {
  it.each([
    ['the image', SINCE_6_10, 0x3ffe0001234n, 0x2a001234n],
    ['first of the image', SINCE_6_10, 0x3ffe0000000n, 0x2a000000n],
    ['memory', SINCE_6_10, 0x1000001000n, 0x1000n],
    ['before v6.10, one to one', 'KERNELOFFSET=8000\n', 0x123456n, 0x123456n],
    ['with neither key, one to one', 'X=1\n', 0x123456n, 0x123456n],
    [
      'memory without IDENTITYBASE',
      'KERNELOFFSET=3ffe0000000\nKERNELOFFPHYS=2a000000\n',
      0x5000n,
      0x5000n,
    ],
  ])('lie where VMCOREINFO says: %s', (_, keys, address, physical) => {
    expect(translations(s390x, address, { keys })).toEqual([physical]);
  });
});

it.each([
  ['SYMBOL(lowcore_ptr)=3ffe1000000\n', true],
  ['KERNELOFFSET=8000\n', false],
])('ownKey of s390x says of %j: %o', (keys, expected) => {
  expect(s390x.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
