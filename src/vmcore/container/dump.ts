// What every container provides: memory, the notes in it, and the fields of its header.

import type { ByteOrder } from '../bytes/cursor.ts';
import type { PhysAddr, VirtAddr } from '../bytes/units.ts';
import type { PageCompression } from '../codec/page-codec.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';

/** Address information in a container: used if VMCOREINFO lacks a key, and never trusted alone. */
export interface AddressHints {
  /** phys_base of the sub header; undefined if its writer is known to get it wrong (QEMU). */
  readonly physBase: bigint | undefined;
  /** Lowest physical address in the dump, if the container has it. */
  readonly ramStart: bigint | undefined;
  /** Program headers whose virtual address is neither 0 nor equal to the physical one. */
  readonly mapped: readonly MappedRange[];
  /** CR3 of x86_64 CPUs, from QEMU's notes; its notes of other machines lack such a register. */
  readonly cpuPageTables: readonly bigint[];
}

/** A contiguous mapping of virtual to physical addresses by a program header; `length` in bytes. */
export interface MappedRange {
  readonly virtual: VirtAddr;
  readonly physical: PhysAddr;
  readonly length: bigint;
}

/** Identifies a part of a split dump. */
export interface SplitPart {
  /** Equal for all parts of one dump, different for other dumps. */
  readonly dump: string;
  /** Range of physical addresses whose pages it contains. */
  readonly start: number;
  readonly end: number;
}

/** A dump as read from its container. */
export interface ContainedDump {
  readonly container: 'kdump' | 'elf';
  readonly order: ByteOrder;
  /** The machine in the header: ELF e_machine or utsname.machine; undefined if empty. */
  readonly machine: number | string | undefined;
  /** sysname, nodename and release of the header, which only kdump has; empty strings or none. */
  readonly utsname: readonly string[];
  /** Texts of VMCOREINFO notes, in file order; empty if the writer of the dump wrote none. */
  readonly vmcoreinfoNotes: readonly Uint8Array[];
  readonly memory: PhysicalMemory;
  /** The kind of addresses in `memory`: a core without physical addresses has only virtual ones. */
  readonly addressing: 'physical' | 'virtual';
  /** Whether part of the dump is missing, by the writer's mark or by the end of the file. */
  readonly incomplete: boolean;
  /** Why the end of the file is assumed to be unwritten; undefined if it is not. */
  readonly unwritten?: string;
  readonly hints: AddressHints;
  /** The part of a split dump; undefined if the dump is complete. */
  readonly part: SplitPart | undefined;
  /** Returns the codecs of the header and of pages read so far, in the order of their flag bits. */
  compression(): PageCompression[];
}

/** A dump opened by open.ts, from a file of its container or a flattened stream of one. */
export interface Dump extends ContainedDump {
  /** Whether the file is a `makedumpfile -F` stream of that container. */
  readonly flattened: boolean;
}
