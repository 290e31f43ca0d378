// What every container yields: memory, the notes found on the way, and what its header says.

import type { ByteOrder } from '../bytes/cursor.ts';
import type { PhysAddr, VirtAddr } from '../bytes/units.ts';
import type { PageCompression } from '../codec/page-codec.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** What a container says of addresses: a help where VMCOREINFO lacks a key, never believed alone. */
export interface AddressHints {
  /** phys_base of the sub header; undefined where its writer is known to get it wrong (QEMU). */
  readonly physBase: bigint | undefined;
  /** Lowest physical address in the dump, where the container says. */
  readonly ramStart: bigint | undefined;
  /** Program headers whose virtual address is neither blank nor a copy of the physical one. */
  readonly mapped: readonly MappedRange[];
  /** CR3 of x86_64 CPUs, as QEMU notes it; its notes of other machines have no such register. */
  readonly cpuPageTables: readonly bigint[];
}

/** Virtual addresses that a program header maps to physical ones in a row; `length` in bytes. */
export interface MappedRange {
  readonly virtual: VirtAddr;
  readonly physical: PhysAddr;
  readonly length: bigint;
}

/** Which part of which dump a file is. */
export interface SplitPart {
  /** The same for all parts of one dump, and for no other dump's. */
  readonly dump: string;
  /** Physical addresses whose pages it has. */
  readonly start: number;
  readonly end: number;
}

/** A dump as its container gives it. */
export interface ContainedDump {
  readonly container: 'kdump' | 'elf';
  readonly order: ByteOrder;
  /** The machine as the header says it: ELF e_machine or utsname.machine; undefined when blank. */
  readonly machine: number | string | undefined;
  /** sysname, nodename, release of the header, for which kdump alone has room; blank or none. */
  readonly utsname: readonly string[];
  /** Texts of VMCOREINFO notes, in file order; none where the maker of the dump wrote none. */
  readonly vmcoreinfoNotes: readonly Uint8Array[];
  readonly memory: PhysicalMemory;
  /** What `memory` is addressed by: a core without physical addresses has virtual ones only. */
  readonly addressing: 'physical' | 'virtual';
  /** The writer said, or the end of the file shows, that part of the dump is missing. */
  readonly incomplete: boolean;
  /** Why the file is taken to end before its end; undefined: it is not. */
  readonly unwritten?: string;
  readonly hints: AddressHints;
  /** Which part it is of a split dump; undefined when it is whole. */
  readonly part: SplitPart | undefined;
  /** Codecs of the pages read so far and of the header, in the order of their flag bits. */
  compression(): PageCompression[];
}

/** A dump as open.ts opens it, from a file of its container or from a flattened stream of one. */
export interface Dump extends ContainedDump {
  /** Whether the file is a `makedumpfile -F` stream of that container. */
  readonly flattened: boolean;
}
