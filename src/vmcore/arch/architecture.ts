// What the decoder knows about an architecture: how to recognise it, its data layout, and how its kernel maps
// virtual to physical addresses.

import type { Endian, WordBits } from '../bytes/cursor.ts';
import type { AddressHints } from '../container/dump.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import type { Translator } from '../memory/virtual-memory.ts';

/** One architecture; architectures.ts lists them all. */
export interface Architecture {
  /** Its name in a report's `arch`. */
  readonly name: string;
  /** ELF e_machine (kernel include/uapi/linux/elf-em.h). */
  readonly elfMachine: number;
  /** Matches utsname.machine, which makedumpfile's header contains. */
  readonly utsMachine: RegExp;
  /** Needed if one e_machine stands for both byte orders. */
  readonly endian?: Endian;
  /** Width of a pointer. A 32-bit kernel's /proc/vmcore may be an ELF64 file. */
  readonly wordBits: WordBits;
  /** Alignment of a 64-bit integer in a struct, bytes: 4 only on i386. */
  readonly int64Alignment: 4 | 8;
  /** Whether VMCOREINFO has a key of only this architecture; for headers without a machine (QEMU 11). */
  readonly ownKey: (vmcoreinfo: Vmcoreinfo) => boolean;
  /**
   * Returns the possible address translations, likeliest first; the caller proves which is right. Empty if
   * the dump does not say where the kernel was loaded.
   */
  readonly translators: (dump: TranslatedDump) => Translator[];
  /** Returns the possible translations of a CPU with this root of page tables; undefined if not supported. */
  readonly cpuTranslators?: (dump: TranslatedDump, root: bigint) => Translator[];
}

/** The data from which a translation is made. */
export interface TranslatedDump {
  readonly vmcoreinfo: Vmcoreinfo;
  readonly hints: AddressHints;
  /** Contains the page tables. */
  readonly memory: PhysicalMemory;
}
