import { describe, expect, it } from 'vitest';

import type { AddressHints } from '../../../src/vmcore/container/dump.ts';
import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import { x86_64 } from '../../../src/vmcore/arch/x86_64.ts';
import { ByteWriter } from '../../support/builders/bytes.ts';
import { SparseMemory } from '../../support/builders/sparse-memory.ts';
import { mapped, translations } from '../../support/builders/translation.ts';

const START = 0xffffffff80000000n;

function translated(
  address: bigint,
  keys: string,
  hints: Partial<AddressHints> = {},
): bigint | undefined {
  return translations(x86_64, address, { keys, hints })[0];
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
    const hints = { physBase: 0x1000n };
    expect(translated(START, 'X=1\n', hints)).toBe(0x1000n);
    expect(translated(START, 'NUMBER(phys_base)=0\n', hints)).toBe(0n);
  });

  it('takes the program header that maps the image for want of anything else', () => {
    const direct = mapped(0xffff888000000000n, 0x5000n);
    const hints = { mapped: [direct, mapped(0xffffffff81000000n, 0x3000000n)] };
    expect(translated(0xffffffff81000010n, 'X=1\n', hints)).toBe(0x3000010n);
    expect(translated(START, 'X=1\n', { mapped: [direct] })).toBeUndefined();
  });

  it('is unknown when nothing says where it was loaded', () => {
    expect(translations(x86_64, START)).toEqual([]);
  });
});

/** Page tables that map one address, at physical 0x2000 on; the image lies at 0. */
const TOP = START + 0x2000n;
const SME = 1n << 47n;
const DIRECT = 0xff11000012345678n;

interface Tables {
  readonly levels: 4 | 5;
  /** The level whose entry maps the page itself: 1 for 4 KiB, 2 for 2 MiB, 3 for 1 GiB. */
  readonly leaf: 1 | 2 | 3;
  /** Physical address in that entry. */
  readonly page: bigint;
  /** Further bits of every entry. */
  readonly bits?: bigint;
  /** The level whose entry is not present. */
  readonly absent?: number;
}

function tablesFor({ levels, leaf, page, bits = 0n, absent }: Tables): SparseMemory {
  const memory = new SparseMemory();
  for (let level: number = levels; level >= leaf; level--) {
    const table = 0x2000n + BigInt(levels - level) * 0x1000n;
    const index = (DIRECT >> BigInt(12 + 9 * (level - 1))) & 511n;
    const next = level === leaf ? page : table + 0x1000n;
    const leafBit = level === leaf && level > 1 ? 0x80n : 0n;
    const present = level === absent ? 0n : 0x63n;
    const entry = new ByteWriter().u64(next | leafBit | present | bits | (1n << 63n)).toBytes();
    memory.write(table + index * 8n, entry);
  }
  return memory;
}

function walked(tables: Tables, furtherKeys = ''): bigint | undefined {
  const five = tables.levels === 5 ? 'NUMBER(pgtable_l5_enabled)=1\n' : '';
  const keys = `NUMBER(phys_base)=0\nSYMBOL(init_top_pgt)=${TOP.toString(16)}\n${five}${furtherKeys}`;
  return translations(x86_64, DIRECT, { keys, memory: tablesFor(tables) })[0];
}

describe('page tables of x86_64', () => {
  const MAPPED = [
    [1, '4 KiB', 0xabcd000n, 0xabcd678n],
    [2, '2 MiB', 0xac00000n, 0xad45678n],
    [3, '1 GiB', 0x140000000n, 0x152345678n],
  ] as const;

  it.each([4, 5] as const)('map pages of every size with %i levels', (levels) => {
    for (const [leaf, , page, physical] of MAPPED) {
      expect(walked({ levels, leaf, page })).toBe(physical);
    }
  });

  it('have the bit of memory encryption in their entries, which is no address', () => {
    const keys = `NUMBER(sme_mask)=${SME}\n`;
    for (const [leaf, , page, physical] of MAPPED) {
      expect(walked({ levels: 4, leaf, page, bits: SME }, keys)).toBe(physical);
    }
  });

  it('take the PAT bit of a large page for none of its address', () => {
    expect(walked({ levels: 4, leaf: 2, page: 0xac01000n })).toBe(0xad45678n);
  });

  it.each([5, 4, 3, 2, 1])('map nothing where the entry of level %i is not present', (absent) => {
    expect(walked({ levels: 5, leaf: 1, page: 0xabcd000n, absent })).toBeUndefined();
  });

  it('are found by swapper_pg_dir where there is no init_top_pgt', () => {
    const keys = `NUMBER(phys_base)=0\nSYMBOL(swapper_pg_dir)=${TOP.toString(16)}\n`;
    const memory = tablesFor({ levels: 4, leaf: 1, page: 0xabcd000n });
    expect(translations(x86_64, DIRECT, { keys, memory })).toEqual([0xabcd678n]);
  });

  it('are unknown when VMCOREINFO does not say where they are', () => {
    expect(translated(DIRECT, 'NUMBER(phys_base)=0\n')).toBeUndefined();
  });

  it('throw PageMissing where a table is not in the dump', () => {
    const keys = `NUMBER(phys_base)=0\nSYMBOL(init_top_pgt)=${TOP.toString(16)}\n`;
    expect(() => translations(x86_64, DIRECT, { keys })).toThrow('is not in this memory');
  });
});

it.each([
  ['NUMBER(phys_base)=0\nNUMBER(KERNEL_IMAGE_SIZE)=1073741824\n', true],
  ['NUMBER(phys_base)=0\n', false],
  ['NUMBER(kimage_voffset)=0x10\n', false],
])('ownKey of x86_64 says of %j: %o', (keys, expected) => {
  expect(x86_64.ownKey(new Vmcoreinfo(keys))).toBe(expected);
});
