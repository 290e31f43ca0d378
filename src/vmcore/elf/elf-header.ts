// The ELF header and program headers of a core file, 32 and 64 bit, either byte order.
// Source: gABI "ELF Header", "Program Header"; PN_XNUM: kernel include/uapi/linux/elf.h. Section headers are
// ignored, because QEMU writes them in the host's byte order, except for the one with a large e_phnum, and in
// files without program headers.

import { type ByteOrder, Cursor, limited } from '../bytes/cursor.ts';
import { type ByteSource, type FileRange, requireRange } from '../bytes/source.ts';
import { ascii, hasBytesAt } from '../bytes/text.ts';
import { hex } from '../bytes/units.ts';
import { Corrupt, Unsupported } from '../errors.ts';
import { CAPS, type Limits } from '../limits.ts';
import {
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  ET_CORE,
  PN_XNUM,
  SHT_NOTE,
} from './elf-constants.ts';
import { type SectionTable, readSections, sectionHeaderBytes } from './sections.ts';

export const ELF_MAGIC = ascii('\x7fELF');
const E_TYPE_OFFSET = 16;
/** Bytes of program headers per read. */
const READ_BYTES = 1 << 16;

/** Whether the first bytes of a file are the ELF magic number. */
export function isElf(head: Uint8Array): boolean {
  return hasBytesAt(head, 0, ELF_MAGIC);
}

/** The header of an ELF core; its tables are read from the file on demand. */
export interface ElfHeader {
  readonly order: ByteOrder;
  /** e_machine */
  readonly machine: number;
  /** e_flags */
  readonly flags: number;
  /** Range of the program headers. */
  readonly table: FileRange;
  /** Reads the program headers anew at each call, because there may be a million. */
  readonly segments: () => Generator<ProgramHeader>;
  /** Ranges of the notes in a file without program headers (Xen's xc_core), from its first sections. */
  readonly noteSections: () => readonly FileRange[];
}

/** A program header of either width; nothing in it has been checked. */
export interface ProgramHeader {
  readonly type: number; // p_type
  readonly offset: bigint; // p_offset: file offset, bytes; all ones = not in the file (QEMU)
  readonly virtual: bigint; // p_vaddr
  readonly physical: bigint; // p_paddr
  readonly fileSize: bigint; // p_filesz, bytes
  readonly memorySize: bigint; // p_memsz, bytes
}

/** Whether all file offsets of the segment are safe integers. */
export function hasSafeOffsets({ offset, fileSize }: ProgramHeader): boolean {
  return offset + fileSize <= BigInt(Number.MAX_SAFE_INTEGER);
}

/** The ELF header fields used here; nothing in them has been checked. */
export interface ElfFields {
  readonly order: ByteOrder;
  readonly type: number; // e_type
  readonly machine: number; // e_machine
  readonly flags: number; // e_flags
  readonly segments: ProgramHeaderTable; // e_phoff, e_phentsize, e_phnum
  readonly sections: SectionTable; // e_shoff, e_shnum
}

/**
 * Reads the header of any ELF file.
 *
 * @throws Corrupt if it is truncated, or its class or byte order is invalid.
 */
export function readElfFields(source: ByteSource): ElfFields {
  const order = byteOrder(source.read(0, 20));
  const bytes = source.read(0, order.wordBits === 64 ? 64 : 52);
  const c = new Cursor(bytes, order, 'elf header').seek(E_TYPE_OFFSET);
  const type = c.u16();
  const machine = c.u16();
  c.skip(4); // e_version
  c.word(); // e_entry
  const segmentOffset = c.size('e_phoff');
  const sectionOffset = c.size('e_shoff');
  const flags = c.u32();
  c.skip(2); // e_ehsize: QEMU writes 8
  const segments = { offset: segmentOffset, stride: c.u16(), count: c.u16() };
  c.skip(2); // e_shentsize
  return {
    order,
    type,
    machine,
    flags,
    segments,
    sections: { offset: sectionOffset, count: c.u16() },
  };
}

/**
 * Reads the header of an ELF core.
 *
 * @throws Unsupported for an ELF file that is not a core, Corrupt for impossible fields.
 */
export function readElfHeader(source: ByteSource, limits: Limits): ElfHeader {
  const { order, type, machine, flags, segments, sections } = readElfFields(source);
  if (type !== ET_CORE) {
    throw new Unsupported('unsupported_format', 'elf header: e_type', `got ${type}, want 4 (core)`);
  }
  const { offset, stride } = segments;
  const count =
    segments.count === PN_XNUM ? extendedCount(source, order, sections.offset) : segments.count;
  const entryBytes = order.wordBits === 64 ? 56 : 32;
  if (count > 0 && stride < entryBytes) {
    throw new Corrupt('corrupt', 'elf header: e_phentsize', `got ${stride}, want ${entryBytes}`);
  }
  limited('elf header: e_phnum', count, limits.segments);
  const table = { offset, length: count * stride };
  requireRange('program headers', source.size, table.offset, table.length);
  return {
    order,
    machine,
    flags,
    table,
    segments: () => programHeaders(source, order, { offset, stride, count }),
    noteSections: () => (count === 0 ? noteSections(source, order, sections) : []),
  };
}

interface ProgramHeaderTable {
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
}

function* programHeaders(
  source: ByteSource,
  order: ByteOrder,
  { offset, stride, count }: ProgramHeaderTable,
): Generator<ProgramHeader> {
  const atOnce = Math.max(1, Math.floor(READ_BYTES / Math.max(1, stride)));
  for (let first = 0; first < count; first += atOnce) {
    const run = source.read(offset + first * stride, Math.min(atOnce, count - first) * stride);
    const c = new Cursor(run, order, 'program header', offset + first * stride);
    for (let at = 0; at + stride <= run.length && stride > 0; at += stride) {
      yield programHeader(c.seek(at), order);
    }
  }
}

/** Returns the notes among the first sections whose headers are in the file. */
function noteSections(
  source: ByteSource,
  order: ByteOrder,
  { offset, count }: SectionTable,
): FileRange[] {
  const inFile = Math.max(0, Math.floor((source.size - offset) / sectionHeaderBytes(order)));
  const read = { offset, count: Math.min(count, CAPS.coreSections, inFile) };
  return readSections(source, order, read)
    .filter((section) => section.type === SHT_NOTE)
    .map((section) => ({ offset: Number(section.offset), length: Number(section.size) }));
}

function byteOrder(ident: Uint8Array): ByteOrder {
  const [, , , , elfClass, data] = ident;
  if (elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64) {
    throw new Corrupt('corrupt', 'elf header: EI_CLASS', `got ${elfClass}, want 1 or 2`);
  }
  if (data !== ELFDATA2LSB && data !== ELFDATA2MSB) {
    throw new Corrupt('corrupt', 'elf header: EI_DATA', `got ${data}, want 1 or 2`);
  }
  return {
    endian: data === ELFDATA2LSB ? 'little' : 'big',
    wordBits: elfClass === ELFCLASS64 ? 64 : 32,
  };
}

/** Returns sh_info of section 0: the count if e_phnum is PN_XNUM. */
function extendedCount(source: ByteSource, order: ByteOrder, sectionOffset: number): number {
  if (sectionOffset === 0) {
    throw new Corrupt('corrupt', 'elf header: e_shoff', `got 0, want a section for PN_XNUM`);
  }
  const infoOffset = order.wordBits === 64 ? 44 : 28;
  const at = sectionOffset + infoOffset;
  const where = `section 0 at ${hex(sectionOffset)}`;
  const count = new Cursor(source.read(at, 4), order, where).u32();
  if (count > 0) return count;
  const detail = 'got 0 program headers, as where their number was never written';
  throw new Corrupt('truncated', where, detail);
}

function programHeader(c: Cursor, order: ByteOrder): ProgramHeader {
  const type = c.u32();
  if (order.wordBits === 64) c.skip(4); // p_flags comes second in ELF64, seventh in ELF32
  return {
    type,
    offset: c.word(),
    virtual: c.word(),
    physical: c.word(),
    fileSize: c.word(),
    memorySize: c.word(),
  };
}
