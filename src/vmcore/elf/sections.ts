// Section headers of an ELF file (gABI "Sections"); the kernel's own files have them all.

import { type ByteOrder, Cursor } from '../bytes/cursor.ts';
import type { ByteSource } from '../bytes/source.ts';

/** A section header of either width; nothing in it has been checked. */
export interface Section {
  readonly type: number; // sh_type
  readonly offset: bigint; // sh_offset, bytes
  readonly size: bigint; // sh_size, bytes
  readonly link: number; // sh_link: the string table of a symbol table
}

/** The location of the section headers. */
export interface SectionTable {
  readonly offset: number; // e_shoff
  readonly count: number; // e_shnum
}

/** Returns the size of a section header, bytes. */
export function sectionHeaderBytes({ wordBits }: ByteOrder): number {
  return wordBits === 64 ? 64 : 40;
}

/** @throws Corrupt if the file ends before the table does. */
export function readSections(
  source: ByteSource,
  order: ByteOrder,
  { offset, count }: SectionTable,
): Section[] {
  const stride = sectionHeaderBytes(order);
  const c = new Cursor(source.read(offset, count * stride), order, 'section headers', offset);
  return Array.from({ length: count }, (_, i) => {
    const type = c.seek(i * stride + 4).u32();
    c.word(); // sh_flags
    c.word(); // sh_addr
    return { type, offset: c.word(), size: c.word(), link: c.u32() };
  });
}
