// ppc64: image and memory are one linear map at 0xc000000000000000, with the hash MMU and with radix
// (arch/powerpc/include/asm/page.h __pa()). One ELF machine for both byte orders.

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';

const PAGE_OFFSET = 0xc000000000000000n;
const OFFSET_MASK = 0x0fffffffffffffffn;

const ppc64 = {
  elfMachine: 21, // EM_PPC64
  wordBits: 64,
  int64Alignment: 8,
  ownKey: (info) => info.symbol('cur_cpu_spec') !== undefined,
  translators: () => [
    (address) =>
      address >> 60n === PAGE_OFFSET >> 60n ? physAddr(address & OFFSET_MASK) : undefined,
  ],
} satisfies Partial<Architecture>;

export const ppc64le: Architecture = {
  ...ppc64,
  name: 'ppc64le',
  utsMachine: /^ppc64le$/,
  endian: 'little',
};

export const ppc64be: Architecture = {
  ...ppc64,
  name: 'ppc64',
  utsMachine: /^ppc64$/,
  endian: 'big',
};
