// ELF notes: namesz, descsz, type, then name and desc, each padded to 4 bytes.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, LE64, bytesOf } from './bytes.ts';

export interface NoteRecipe {
  /** With its NUL, as writers do; give it without for the few that do not. */
  readonly name: string;
  readonly type?: number;
  readonly desc: Uint8Array;
}

export function noteBytes(notes: readonly NoteRecipe[], order: ByteOrder = LE64): Uint8Array {
  const out = new ByteWriter(order);
  for (const { name, type = 0, desc } of notes) {
    out.u32(name.length).u32(desc.length).u32(type);
    out.text(name).align(4).bytes(desc).align(4);
  }
  return out.toBytes();
}

/** What QEMU notes of an x86 CPU: struct QEMUCPUState, of version 1 and 440 bytes. */
export function qemuCpuNote(cr3: bigint, version = 1): NoteRecipe {
  const desc = new ByteWriter().u32(version).u32(440).padTo(416).u64(cr3).padTo(440).toBytes();
  return { name: 'QEMU\0', desc };
}

/** The note that a kernel keeps of itself. */
export function kernelNote(vmcoreinfo: string, order: ByteOrder = LE64): Uint8Array {
  return noteBytes([{ name: 'VMCOREINFO\0', desc: bytesOf(vmcoreinfo) }], order);
}

/** What a kernel or makedumpfile writes: the state of a CPU, then VMCOREINFO. */
export function kernelNotes(vmcoreinfo: string, order: ByteOrder = LE64): Uint8Array {
  return noteBytes(
    [
      { name: 'CORE\0', type: 1, desc: new Uint8Array(336) },
      { name: 'VMCOREINFO\0', desc: bytesOf(vmcoreinfo) },
    ],
    order,
  );
}
