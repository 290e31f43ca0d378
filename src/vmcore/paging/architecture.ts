// What the decoder must know of a machine: how to recognise it, and where its kernel image lies.

import type { AddressHints } from '../container/dump.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import type { Translator } from './virtual-memory.ts';

export interface Architecture {
  /** As in a report's `arch`. */
  readonly name: string;
  /** ELF e_machine (kernel include/uapi/linux/elf-em.h). */
  readonly elfMachine: number;
  /** utsname.machine, for which makedumpfile's header has a field. */
  readonly utsMachine: string;
  /** A VMCOREINFO key that no other architecture has: for headers that name no machine (QEMU 11). */
  readonly ownKey: (vmcoreinfo: Vmcoreinfo) => boolean;
  /** The mapping of the kernel image; undefined when the dump does not say where it was loaded. */
  readonly image: (vmcoreinfo: Vmcoreinfo, hints: AddressHints) => Translator | undefined;
}
