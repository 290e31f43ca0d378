// arm64: the image is one linear mapping at kimage_voffset from its physical address, with KASLR or
// without, for every page size and VA_BITS (arch/arm64/kernel/vmcore_info.c, asm/memory.h).

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';

export const arm64: Architecture = {
  name: 'arm64',
  elfMachine: 183, // EM_AARCH64
  utsMachine: 'aarch64',
  ownKey: (info) => info.number('kimage_voffset') !== undefined,
  image(info) {
    const voffset = info.number('kimage_voffset');
    return voffset === undefined ? undefined : (address) => physAddr(address - voffset);
  },
};
