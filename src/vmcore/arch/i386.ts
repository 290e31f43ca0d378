// i386: low memory, the image in it, is mapped at PAGE_OFFSET, which the split of the address space
// puts at a multiple of 1 GiB (arch/x86/include/asm/page_32_types.h). High memory is not mapped.

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';

/** PAGE_OFFSET of the usual splits, from the address of the image. */
export const SPLIT_MASK = 0xc0000000n;

export const i386: Architecture = {
  name: 'i386',
  elfMachine: 3, // EM_386
  utsMachine: /^i[3-6]86$/,
  wordBits: 32,
  int64Alignment: 4,
  ownKey: (info) => info.has('CONFIG_X86_PAE') || info.number('KERNEL_IMAGE_SIZE') === 1n << 29n,
  translators({ vmcoreinfo }) {
    const stext = vmcoreinfo.symbol('_stext');
    if (stext === undefined) return [];
    const pageOffset = stext & SPLIT_MASK;
    return [(address) => (address >= pageOffset ? physAddr(address - pageOffset) : undefined)];
  },
};
