// What the decoder must know of a machine: how to recognise it, how its numbers lie in memory, and
// how its kernel's virtual addresses become physical ones.

import type { Endian, WordBits } from '../bytes/cursor.ts';
import type { AddressHints } from '../container/dump.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import type { Translator } from '../memory/virtual-memory.ts';

/** One machine as the decoder knows it: architectures.ts has them all. */
export interface Architecture {
  /** As in a report's `arch`. */
  readonly name: string;
  /** ELF e_machine (kernel include/uapi/linux/elf-em.h). */
  readonly elfMachine: number;
  /** utsname.machine, for which makedumpfile's header has a field. */
  readonly utsMachine: RegExp;
  /** Where one e_machine stands for both. */
  readonly endian?: Endian;
  /** Width of a pointer. A 32-bit kernel's /proc/vmcore may be an ELF64 file. */
  readonly wordBits: WordBits;
  /** Alignment of a 64-bit integer in a struct, bytes: 4 on i386 alone. */
  readonly int64Alignment: 4 | 8;
  /** A VMCOREINFO key that no other architecture has: for headers that name no machine (QEMU 11). */
  readonly ownKey: (vmcoreinfo: Vmcoreinfo) => boolean;
  /**
   * The ways in which this kernel's addresses may be mapped, likeliest first; the caller proves
   * which one is right. None when the dump does not say where the kernel was loaded.
   */
  readonly translators: (dump: TranslatedDump) => Translator[];
  /** How a CPU with this root of page tables may have mapped addresses; undefined: nothing says. */
  readonly cpuTranslators?: (dump: TranslatedDump, root: bigint) => Translator[];
}

/** What a translation is made from. */
export interface TranslatedDump {
  readonly vmcoreinfo: Vmcoreinfo;
  readonly hints: AddressHints;
  /** For page tables. */
  readonly memory: PhysicalMemory;
}
