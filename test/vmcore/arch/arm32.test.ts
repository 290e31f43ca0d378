import { describe, expect, it } from 'vitest';

import type { AddressHints } from '../../../src/vmcore/container/dump.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { arm32 } from '../../../src/vmcore/arch/arm32.ts';
import { mapped, translations } from '../../support/builders/translation.ts';

function offered(address: bigint, hints: Partial<AddressHints>, stext = 'c0208000'): unknown[] {
  return translations(arm32, address, { keys: `SYMBOL(_stext)=${stext}\n`, hints });
}

describe('low memory of arm32', () => {
  it('begins where phys_base of the header says', () => {
    expect(offered(0xc0300010n, { physBase: 0x40000000n })).toEqual([0x40300010n]);
  });

  it('begins where the program header that maps the image says', () => {
    const hints = { mapped: [mapped(0xc0000000n, 0x60000000n)] };
    expect(offered(0xc0300010n, hints)).toEqual([0x60300010n]);
    const middle = { mapped: [mapped(0xc0200000n, 0x60200000n)] };
    expect(offered(0xc0300010n, middle)).toEqual([0x60300010n]);
  });

  it('ignores a program header of another part of the address space', () => {
    expect(offered(0xc0300010n, { mapped: [mapped(0x1000n, 0x60000000n)] })).toEqual([]);
  });

  it('is offered at every alignment below the first page of the dump, coarsest first', () => {
    const found = offered(0xc0000000n, { ramStart: 0x51500000n });
    expect(found).toEqual([0x50000000n, 0x51000000n, 0x51400000n]);
  });

  it.each([
    ['3 GiB for users, but for what 1 GiB of RAM takes', 'b0208000', 0xb0300010n, 0x40300010n],
    ['2 GiB for users', '80208000', 0x80300010n, 0x40300010n],
    ['1 GiB for users', '40208000', 0x40300010n, 0x40300010n],
  ])('follows the split of the address space: %s', (_, stext, address, physical) => {
    expect(offered(address, { physBase: 0x40000000n }, stext)).toEqual([physical]);
  });

  it('is not below PAGE_OFFSET', () => {
    expect(offered(0xbf000000n, { physBase: 0x40000000n })).toEqual([undefined]);
  });

  it('is unknown without _stext', () => {
    const hints = { physBase: 0x40000000n };
    expect(translations(arm32, 0xc0300010n, { hints })).toEqual([]);
  });
});

it.each([
  ['CONFIG_ARM_LPAE=y\n', true],
  ['X=1\n', false],
])('ownKey of arm32 says of %j: %o', (keys, expected) => {
  expect(arm32.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
