// The /proc/kcore of a test kernel: regions of its address space, most of them enormous and empty.

import { type KcoreSource, Corrupt } from '../../../src/vmcore/index.ts';
import { elfCore } from './elf-core-builder.ts';
import type { BuiltKernel } from './kernel-builder.ts';
import { kernelNotes } from './notes-builder.ts';

/** p_paddr of a region without one place in memory. */
const UNKNOWN = 0xffffffffffffffffn;
const VMALLOC = 0xff1b000000000000n;
const VMALLOC_BYTES = 1n << 51n;

export interface KcoreOptions {
  /** Whether there is a VMCOREINFO note: since 23c85094fe18 ("proc/kcore: add vmcoreinfo note to /proc/kcore") (in v4.19). */
  readonly note?: boolean;
  /** The kernel's image is in no region. */
  readonly withoutImage?: boolean;
}

export interface BuiltKcore extends KcoreSource {
  /** Reads so far. */
  readonly reads: () => number;
}

/** Of a machine with 57 bits of address, whose offsets are the addresses without the bits above. */
export function kcoreOf(built: BuiltKernel, options: KcoreOptions = {}): BuiltKcore {
  const { note = true, withoutImage = false } = options;
  const { machine, start, image, vmcoreinfo } = built;
  const offsetOf = (address: bigint): bigint => BigInt.asUintN(56, address) + 0x4000n;
  const text = { physical: UNKNOWN, virtual: start, offset: offsetOf(start) };
  const head = elfCore({
    order: machine.order,
    machine: machine.elfMachine,
    ...(note && { notes: kernelNotes(vmcoreinfo, machine.order) }),
    segments: [
      {
        physical: UNKNOWN,
        virtual: VMALLOC,
        offset: offsetOf(VMALLOC),
        fileSize: VMALLOC_BYTES,
      },
      ...(withoutImage ? [] : [{ ...text, fileSize: image.length }]),
    ],
  });
  let reads = 0;
  return {
    reads: () => reads,
    read(offset, length): Uint8Array {
      reads++;
      const bytes = new Uint8Array(length); // what is not mapped reads as zeros
      if (offset < BigInt(head.length)) {
        const at = Number(offset);
        if (at + length > head.length) throw new Corrupt('truncated', 'kcore', 'ends there');
        bytes.set(head.subarray(at, at + length));
        return bytes;
      }
      const into = offset - text.offset;
      if (into >= 0n && into < image.length) {
        bytes.set(image.subarray(Number(into), Number(into) + length));
      }
      return bytes;
    },
  };
}

/** A regular file that is a kcore, as far as a reader can tell. */
export function kcoreFileOf(built: BuiltKernel): Uint8Array {
  const { machine, start, image, vmcoreinfo } = built;
  return elfCore({
    order: machine.order,
    machine: machine.elfMachine,
    notes: kernelNotes(vmcoreinfo, machine.order),
    segments: [{ physical: UNKNOWN, virtual: start, bytes: image }],
  });
}
