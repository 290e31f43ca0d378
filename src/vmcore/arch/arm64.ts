// arm64: the image is one linear mapping at kimage_voffset from its physical address, with KASLR or
// without, for every page size and VA_BITS; so is the map of all memory, from PAGE_OFFSET on
// (arch/arm64/kernel/vmcore_info.c, asm/memory.h). PHYS_OFFSET may be a wrapped number: where a
// kernel built for 52 bits of address runs on 48, or KASLR moves the map, it may lie below zero
// (arch/arm64/mm/init.c arm64_memblock_init()).

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';
import type { Translator } from '../memory/virtual-memory.ts';

const TOP = 1n << 64n;

export const arm64: Architecture = {
  name: 'arm64',
  elfMachine: 183, // EM_AARCH64
  utsMachine: /^aarch64/,
  wordBits: 64,
  int64Alignment: 8,
  ownKey: (info) => info.number('kimage_voffset') !== undefined,
  translators({ vmcoreinfo }) {
    const voffset = vmcoreinfo.number('kimage_voffset');
    if (voffset === undefined) return [];
    const image: Translator = (address) => physAddr(address - voffset);
    const bits = vmcoreinfo.number('VA_BITS');
    const physOffset = vmcoreinfo.number('PHYS_OFFSET');
    if (bits === undefined || bits < 36n || bits > 52n || physOffset === undefined) return [image];
    const t1sz = vmcoreinfo.number('TCR_EL1_T1SZ');
    const actualBits = t1sz === undefined || t1sz < 12n || t1sz > 28n ? bits : 64n - t1sz;
    const pageOffset = TOP - (1n << bits); // _PAGE_OFFSET(VA_BITS)
    const pageEnd = TOP - (1n << (actualBits - 1n)); // _PAGE_END(vabits_actual)
    return [
      (address) =>
        address >= pageOffset && address < pageEnd
          ? physAddr(address - pageOffset + physOffset)
          : image(address),
    ];
  },
};
