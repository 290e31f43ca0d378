// vmlinux: an ELF file with a symbol table and a build id, for each width and byte order.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, LE64, bytesOf, fromHex } from './bytes.ts';

interface ElfSymbol {
  readonly name: string;
  readonly address: bigint;
  /** st_shndx: 1 unless said otherwise; 0 is a symbol that is only asked for. */
  readonly section?: number;
}

export interface VmlinuxRecipe {
  readonly symbols: readonly ElfSymbol[];
  readonly order?: ByteOrder;
  /** Hexadecimal; null for a file without one. */
  readonly buildId?: string | null;
  /** Whether it has a symbol table: yes unless said otherwise. */
  readonly symtab?: boolean;
}

const SHT = { progbits: 1, symtab: 2, strtab: 3, note: 7 };

export function vmlinuxFile(recipe: VmlinuxRecipe): Uint8Array {
  const { order = LE64, buildId = null, symtab = true } = recipe;
  const strings = new ByteWriter(order).u8(0);
  const symbols = symbolEntry(new ByteWriter(order), order, 0, 0n, 0);
  for (const { name, address, section = 1 } of recipe.symbols) {
    symbolEntry(symbols, order, strings.length, address, section);
    strings.bytes(bytesOf(name)).u8(0);
  }
  const sections: { type: number; bytes: Uint8Array; link?: number }[] = [
    { type: 0, bytes: new Uint8Array(0) },
    { type: SHT.note, bytes: noteSection(order, buildId) },
    { type: SHT.strtab, bytes: strings.toBytes() },
  ];
  if (symtab) sections.push({ type: SHT.symtab, bytes: symbols.toBytes(), link: 2 });
  const is64 = order.wordBits === 64;
  const headerBytes = is64 ? 64 : 52;
  const data = new ByteWriter(order);
  const table = new ByteWriter(order);
  for (const { type, bytes, link = 0 } of sections) {
    table.u32(0).u32(type).word(0).word(0);
    table
      .word(headerBytes + data.length)
      .word(bytes.length)
      .u32(link)
      .u32(0)
      .word(0)
      .word(0);
    data.bytes(bytes).align(8);
  }
  const out = new ByteWriter(order).text('\x7fELF');
  out
    .u8(is64 ? 2 : 1)
    .u8(order.endian === 'little' ? 1 : 2)
    .u8(1)
    .zeros(9);
  out
    .u16(2)
    .u16(62)
    .u32(1)
    .word(0)
    .word(0)
    .word(headerBytes + data.length)
    .u32(0);
  out
    .u16(headerBytes)
    .u16(0)
    .u16(0)
    .u16(is64 ? 64 : 40)
    .u16(sections.length)
    .u16(0);
  return out.bytes(data.toBytes()).bytes(table.toBytes()).toBytes();
}

function symbolEntry(
  out: ByteWriter,
  { wordBits }: ByteOrder,
  name: number,
  address: bigint,
  section: number,
): ByteWriter {
  out.u32(name);
  if (wordBits === 64) return out.u8(0).u8(0).u16(section).u64(address).u64(0);
  return out.word(address).u32(0).u8(0).u8(0).u16(section);
}

function noteSection(order: ByteOrder, buildId: string | null): Uint8Array {
  const out = new ByteWriter(order).u32(6).u32(4).u32(1).text('Linux\0').align(4).u32(0);
  if (buildId === null) return out.toBytes();
  const id = fromHex(buildId);
  return out.u32(4).u32(id.length).u32(3).text('GNU\0').bytes(id).align(4).toBytes();
}
