// i386: low memory, which contains the image, is mapped at PAGE_OFFSET, one of several splits of the address
// space (arch/x86/Kconfig, arch/x86/include/asm/page_32_types.h). High memory is not mapped.

import { physAddr } from '../bytes/units.ts';
import type { Architecture } from './architecture.ts';

/** PAGE_OFFSET of every VMSPLIT_*, highest first: 3G, 3G_OPT, 2G, 2G_OPT, 1G. arm32 uses a subset. */
const SPLITS = [0xc0000000n, 0xb0000000n, 0x80000000n, 0x78000000n, 0x40000000n];
/** Maximum distance of an image from the start of low memory; KASLR uses only the first half. */
const LOW_MEMORY = 1n << 30n;

/** Returns possible starts of low memory by the address of the image, likeliest first. */
export function pageOffsets(stext: bigint): bigint[] {
  return SPLITS.filter((split) => stext >= split && stext - split < LOW_MEMORY);
}

export const i386: Architecture = {
  name: 'i386',
  elfMachine: 3, // EM_386
  utsMachine: /^i[3-6]86$/,
  wordBits: 32,
  int64Alignment: 4,
  ownKey: (info) => info.has('CONFIG_X86_PAE'),
  translators({ vmcoreinfo }) {
    const stext = vmcoreinfo.symbol('_stext');
    if (stext === undefined) return [];
    return pageOffsets(stext).map(
      (pageOffset) => (address) =>
        address >= pageOffset ? physAddr(address - pageOffset) : undefined,
    );
  },
};
