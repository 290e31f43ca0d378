// arm32: low memory, which contains the image, is mapped at PAGE_OFFSET from PHYS_OFFSET on. VMCOREINFO has
// neither. PAGE_OFFSET follows from the image's address; PHYS_OFFSET is the start of RAM, which the dump's
// headers give only roughly, so every possible start is returned to be proven. Source:
// arch/arm/include/asm/memory.h; RAM begins at a multiple of 2 MiB (ARM_PATCH_PHYS_VIRT).

import { physAddr } from '../bytes/units.ts';
import type { AddressHints } from '../container/dump.ts';
import type { Architecture } from './architecture.ts';
import { pageOffsets } from './i386.ts';

/** Possible alignments of the start of RAM, as bits, largest first: 256 MiB down to 2 MiB. */
const RAM_ALIGNMENTS = [28n, 27n, 26n, 25n, 24n, 23n, 22n, 21n];

export const arm32: Architecture = {
  name: 'arm32',
  elfMachine: 40, // EM_ARM
  utsMachine: /^armv[4-8]/,
  wordBits: 32,
  int64Alignment: 8, // AAPCS
  ownKey: (info) => info.has('CONFIG_ARM_LPAE'),
  translators({ vmcoreinfo, hints }) {
    const stext = vmcoreinfo.symbol('_stext');
    // The image is at the start of low memory: there is no KASLR.
    const [pageOffset] = stext === undefined ? [] : pageOffsets(stext);
    if (pageOffset === undefined) return [];
    return [...physOffsets(hints, pageOffset)].map(
      (physOffset) => (address) =>
        address >= pageOffset ? physAddr(address - pageOffset + physOffset) : undefined,
    );
  },
};

function physOffsets(
  { physBase, mapped, ramStart }: AddressHints,
  pageOffset: bigint,
): Set<bigint> {
  const image = mapped.find(({ virtual }) => virtual >= pageOffset && virtual < 1n << 32n);
  const offsets = new Set<bigint>();
  if (image !== undefined) offsets.add(image.physical - (image.virtual - pageOffset));
  if (physBase !== undefined) offsets.add(physBase);
  if (ramStart !== undefined) {
    for (const bits of RAM_ALIGNMENTS) offsets.add((ramStart >> bits) << bits);
  }
  return offsets;
}
