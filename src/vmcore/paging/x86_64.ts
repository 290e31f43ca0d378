// x86_64: the kernel image is mapped at __START_KERNEL_map, whatever the number of page-table
// levels; where KASLR put it in memory is phys_base (arch/x86/kernel/vmcore_info_64.c, head64.c).

import { physAddr } from '../bytes/units.ts';
import type { AddressHints } from '../container/dump.ts';
import type { Architecture } from './architecture.ts';

/** __START_KERNEL_map (arch/x86/include/asm/page_64_types.h). */
const START_KERNEL_MAP = 0xffffffff80000000n;
/** KERNEL_IMAGE_SIZE with KASLR, which NUMBER(KERNEL_IMAGE_SIZE) repeats: 1 GiB. */
const KERNEL_IMAGE_SIZE = 1n << 30n;

export const x86_64: Architecture = {
  name: 'x86_64',
  elfMachine: 62, // EM_X86_64
  utsMachine: 'x86_64',
  ownKey: (info) =>
    info.number('phys_base') !== undefined && info.number('KERNEL_IMAGE_SIZE') !== undefined,
  image(info, hints) {
    const physBase = info.number('phys_base') ?? hints.physBase ?? mappedPhysBase(hints);
    if (physBase === undefined) return undefined;
    const size = info.number('KERNEL_IMAGE_SIZE') ?? KERNEL_IMAGE_SIZE;
    return (address) => {
      const offset = address - START_KERNEL_MAP;
      return offset >= 0n && offset < size ? physAddr(offset + physBase) : undefined;
    };
  },
};

/** phys_base by the program header that maps the image, for want of a key. */
function mappedPhysBase({ mapped }: AddressHints): bigint | undefined {
  const image = mapped.find(({ virtual }) => virtual >= START_KERNEL_MAP);
  return image && image.physical - (image.virtual - START_KERNEL_MAP);
}
