// ELF notes (gABI "Note Section"; kernel include/linux/elfcore.h): namesz, descsz, type, then name and desc,
// each padded to 4 bytes, in ELF32 and ELF64. A header of zeros ends the list, because the kernel's note
// areas are larger than their content (Linux kernel/vmcore_info.c final_note()).

import type { ByteOrder } from '../bytes/cursor.ts';
import { Cursor } from '../bytes/cursor.ts';
import type { ByteSource, FileRange } from '../bytes/source.ts';
import { cString } from '../bytes/text.ts';

const HEADER_BYTES = 12;
/** Bytes of a name that are read: "VMCOREINFO_XEN" and its NUL. Longer names are truncated; none is relevant. */
const NAME_BYTES = 16;

/** A note: its name, and the location of its desc in the file. */
export interface Note {
  readonly name: string;
  readonly type: number;
  readonly descOffset: number;
  readonly descLength: number;
}

/** Iterates over the notes in a range without reading their descs; stops silently at the end or if truncated. */
export function* notes(
  source: ByteSource,
  order: ByteOrder,
  { offset, length }: FileRange,
): Generator<Note> {
  const end = offset + length;
  for (let position = offset; position + HEADER_BYTES <= end;) {
    const available = Math.min(HEADER_BYTES + NAME_BYTES, source.size - position, end - position);
    if (available < HEADER_BYTES) return;
    const header = new Cursor(source.read(position, available), order, 'note', position);
    const nameLength = header.u32();
    const descLength = header.u32();
    const type = header.u32();
    if (nameLength === 0 && descLength === 0 && type === 0) return;
    const name = cString(header.bytes(Math.min(nameLength, NAME_BYTES, header.remaining)));
    const descOffset = position + HEADER_BYTES + padded(nameLength);
    yield { name, type, descOffset, descLength };
    position = descOffset + padded(descLength);
  }
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
