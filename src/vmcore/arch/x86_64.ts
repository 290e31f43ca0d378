// x86_64: the kernel image is mapped at __START_KERNEL_map, whatever the number of page-table
// levels; where KASLR put it in memory is phys_base (arch/x86/kernel/vmcore_info_64.c, head64.c).
// Everything else is found by walking the page tables (Intel SDM volume 3, chapter 5.5).

import { type VirtAddr, physAddr } from '../bytes/units.ts';
import type { AddressHints } from '../container/dump.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { Architecture, TranslatedDump } from './architecture.ts';
import type { Translator } from '../memory/virtual-memory.ts';

/** __START_KERNEL_map (arch/x86/include/asm/page_64_types.h). */
const START_KERNEL_MAP = 0xffffffff80000000n;
/** KERNEL_IMAGE_SIZE with KASLR, which NUMBER(KERNEL_IMAGE_SIZE) repeats: 1 GiB. */
const KERNEL_IMAGE_SIZE = 1n << 30n;

/** Physical address bits of a page-table entry. */
const ADDRESS_MASK = 0x000ffffffffff000n;
const PRESENT = 1n;
/** Set in CR3 while user code runs, with page-table isolation (arch/x86/entry/calling.h). */
const USER_TABLES = 1n << 12n;
/** Set in an entry of level 3 or 2 that maps 1 GiB or 2 MiB itself. */
const PAGE_SIZE_BIT = 1n << 7n;

export const x86_64: Architecture = {
  name: 'x86_64',
  elfMachine: 62, // EM_X86_64
  utsMachine: /^x86_64$/,
  wordBits: 64,
  int64Alignment: 8,
  ownKey: (info) =>
    info.number('phys_base') !== undefined && info.number('KERNEL_IMAGE_SIZE') !== undefined,
  translators(dump) {
    const image = imageMapping(dump);
    if (image === undefined) return [];
    const walk = pageTables(dump, image);
    return [(address) => image(address) ?? walk?.(address)];
  },
  cpuTranslators(dump, cr3) {
    const root = cr3 & ADDRESS_MASK;
    return [root, root & ~USER_TABLES].map((top) => tableWalk(dump, top));
  },
};

function imageMapping({ vmcoreinfo, hints }: TranslatedDump): Translator | undefined {
  const physBase = vmcoreinfo.number('phys_base') ?? hints.physBase ?? mappedPhysBase(hints);
  if (physBase === undefined) return undefined;
  const size = vmcoreinfo.number('KERNEL_IMAGE_SIZE') ?? KERNEL_IMAGE_SIZE;
  return (address) => {
    const offset = address - START_KERNEL_MAP;
    return offset >= 0n && offset < size ? physAddr(offset + physBase) : undefined;
  };
}

/** phys_base by the program header that maps the image, if VMCOREINFO does not have it. */
function mappedPhysBase({ mapped }: AddressHints): bigint | undefined {
  const image = mapped.find(({ virtual }) => virtual >= START_KERNEL_MAP);
  return image && image.physical - (image.virtual - START_KERNEL_MAP);
}

/** The mapping by the kernel's own page tables. */
function pageTables(dump: TranslatedDump, image: Translator): Translator | undefined {
  const { vmcoreinfo } = dump;
  const root = vmcoreinfo.symbol('init_top_pgt') ?? vmcoreinfo.symbol('swapper_pg_dir');
  const top = root === undefined ? undefined : image(root);
  return top === undefined ? undefined : tableWalk(dump, top);
}

/** Walks page tables of 4 or 5 levels; entries may have the SME encryption bit. */
function tableWalk({ vmcoreinfo, memory }: TranslatedDump, top: bigint): Translator {
  const levels = vmcoreinfo.number('pgtable_l5_enabled') === 1n ? 5 : 4;
  const mask = ADDRESS_MASK & ~(vmcoreinfo.number('sme_mask') ?? 0n);
  return (address) => {
    let table: bigint = top;
    for (let level = levels; level >= 1; level--) {
      const shift = BigInt(12 + 9 * (level - 1));
      const entry = readEntry(memory, table, (address >> shift) & 511n);
      if ((entry & PRESENT) === 0n) return undefined;
      table = entry & mask;
      if (level === 1 || (level <= 3 && (entry & PAGE_SIZE_BIT) !== 0n)) {
        const inside = (1n << shift) - 1n;
        return physAddr((table & ~inside) | (address & inside));
      }
    }
    return undefined;
  };
}

function readEntry(memory: PhysicalMemory, table: bigint, index: VirtAddr | bigint): bigint {
  const bytes = memory.read(physAddr(table + index * 8n), 8);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}
