// ELF cores: header, program headers anywhere, notes, and segments in the order given.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, LE64, patched } from './bytes.ts';

export interface ElfSegment {
  /** p_type: PT_LOAD unless said otherwise. */
  readonly type?: number;
  readonly physical: number | bigint;
  /** p_vaddr: 0 unless said otherwise. */
  readonly virtual?: number | bigint;
  readonly bytes?: Uint8Array;
  /** p_memsz: as many as there are bytes unless said otherwise. */
  readonly memorySize?: number;
  /** p_offset, where it is not that of the bytes. */
  readonly offset?: number | bigint;
  /** p_filesz, where it is not the length of the bytes. */
  readonly fileSize?: number | bigint;
}

export interface ElfRecipe {
  readonly order?: ByteOrder;
  /** e_machine: EM_X86_64 unless said otherwise. */
  readonly machine?: number;
  /** e_type: ET_CORE unless said otherwise. */
  readonly type?: number;
  readonly flags?: number;
  /** e_phoff: behind the ELF header unless said otherwise. */
  readonly programHeadersAt?: number;
  /** e_phentsize beyond the size of a program header. */
  readonly extraStride?: number;
  /** Whether the number of program headers stands in section 0. */
  readonly extendedNumbering?: boolean;
  /** Content of one PT_NOTE segment, which comes first. */
  readonly notes?: Uint8Array;
  readonly segments: readonly ElfSegment[];
}

const PT_NOTE = 4;

/** e_phnum: its offset in the file. */
export function phnumOffset({ wordBits }: ByteOrder): number {
  return wordBits === 64 ? 56 : 44;
}

export function elfCore(recipe: ElfRecipe): Uint8Array {
  const { order = LE64, notes, programHeadersAt, extendedNumbering = false } = recipe;
  const segments: ElfSegment[] = notes
    ? [{ type: PT_NOTE, physical: 0, bytes: notes }, ...recipe.segments]
    : [...recipe.segments];
  const is64 = order.wordBits === 64;
  const headersAt = programHeadersAt ?? (is64 ? 64 : 52);
  const stride = (is64 ? 56 : 32) + (recipe.extraStride ?? 0);
  const sectionAt = headersAt + segments.length * stride;
  const dataAt = sectionAt + (extendedNumbering ? 64 : 0);

  const table = new ByteWriter(order);
  const data = new ByteWriter(order);
  for (const segment of segments) {
    programHeader(table, segment, order, dataAt + data.length).align(stride);
    data.bytes(segment.bytes ?? new Uint8Array(0)).align(4);
  }
  const file = elfHeader(recipe, {
    headersAt,
    stride,
    count: extendedNumbering ? 0xffff : segments.length,
    sectionAt: extendedNumbering ? sectionAt : 0,
  });
  file.padTo(headersAt).bytes(table.toBytes());
  if (extendedNumbering) {
    const info = new ByteWriter(order).u32(segments.length).toBytes();
    file.bytes(patched(new Uint8Array(64), is64 ? 44 : 28, info)); // sh_info
  }
  return file.bytes(data.toBytes()).toBytes();
}

interface Tables {
  readonly headersAt: number;
  readonly stride: number;
  readonly count: number;
  readonly sectionAt: number;
}

function elfHeader(recipe: ElfRecipe, tables: Tables): ByteWriter {
  const { order = LE64, machine = 62, type = 4, flags = 0 } = recipe;
  const out = new ByteWriter(order).text('\x7fELF');
  out
    .u8(order.wordBits / 32)
    .u8(order.endian === 'little' ? 1 : 2)
    .u8(1)
    .zeros(9);
  out.u16(type).u16(machine).u32(1).word(0); // e_type, e_machine, e_version, e_entry
  out.word(tables.headersAt).word(tables.sectionAt).u32(flags); // e_phoff, e_shoff, e_flags
  out.u16(8).u16(tables.stride).u16(tables.count); // e_ehsize as QEMU has it, e_phentsize, e_phnum
  return out
    .u16(64)
    .u16(tables.sectionAt === 0 ? 0 : 1)
    .u16(0); // e_shentsize, e_shnum, e_shstrndx
}

function programHeader(
  out: ByteWriter,
  segment: ElfSegment,
  order: ByteOrder,
  dataAt: number,
): ByteWriter {
  const { type = 1, physical, virtual = 0, bytes = new Uint8Array(0) } = segment;
  const fileSize = segment.fileSize ?? bytes.length;
  out.u32(type);
  if (order.wordBits === 64) out.u32(0); // p_flags
  out
    .word(segment.offset ?? dataAt)
    .word(virtual)
    .word(physical);
  out.word(fileSize).word(segment.memorySize ?? Math.max(bytes.length, Number(fileSize)));
  if (order.wordBits === 32) out.u32(0); // p_flags
  return out.word(0); // p_align
}
