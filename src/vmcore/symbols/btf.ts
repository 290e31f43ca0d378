// BTF, the kernel's own description of its types, as it lies in the dump: only as much of it as
// names one struct and one enum. Types are of variable length and in no useful order, so the names
// are found first and the types then walked once, in runs of 64 KiB, until both are met.
// Source: Documentation/bpf/btf.rst, include/uapi/linux/btf.h.

import { type ByteOrder, Cursor, limited } from '../bytes/cursor.ts';
import { ascii, cString } from '../bytes/text.ts';
import { type VirtAddr, addVirt } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';
import { CAPS, type Limits } from '../limits.ts';
import type { VirtualMemory } from '../memory/virtual-memory.ts';

const MAGIC = 0xeb9f;
const RUN = 1 << 16;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;

const KIND_STRUCT = 4;
const KIND_ENUM = 6;

/** Bytes behind struct btf_type, by kind: fixed ones, and those for each of `vlen` elements. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 }; // INT ARRAY VAR DECL_TAG
const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  4: 12, // STRUCT
  5: 12, // UNION
  6: 8, // ENUM
  13: 8, // FUNC_PROTO
  15: 12, // DATASEC
  19: 12, // ENUM64
};
/** PTR FWD TYPEDEF VOLATILE CONST RESTRICT FUNC FLOAT TYPE_TAG: nothing behind them. */
const BARE_KINDS = new Set([2, 7, 8, 9, 10, 11, 12, 16, 18]);

export interface BtfStruct {
  /** Bytes. */
  readonly size: number;
  /** Offset of each member, bytes. */
  readonly members: ReadonlyMap<string, number>;
}

/** Constants of an enum, in the order of their declaration. */
export type BtfEnum = ReadonlyMap<string, number>;

interface BtfSections {
  readonly memory: VirtualMemory;
  readonly order: ByteOrder;
  readonly types: { readonly start: VirtAddr; readonly length: number };
  readonly strings: { readonly start: VirtAddr; readonly length: number };
}

/**
 * One struct and one enum, by name.
 *
 * @param start the address of `__start_BTF`.
 * @returns undefined when BTF has either of them not.
 * @throws Corrupt when it is no BTF, PageMissing when part of it is not in the dump.
 */
export function findInBtf(
  memory: VirtualMemory,
  start: VirtAddr,
  wanted: { readonly struct: string; readonly enum: string },
  limits: Limits,
): { readonly struct: BtfStruct; readonly enum: BtfEnum } | undefined {
  const btf = readHeader(memory, start, limits);
  const names = findStrings(btf, [wanted.struct, wanted.enum]);
  const structName = names.get(wanted.struct);
  const enumName = names.get(wanted.enum);
  if (structName === undefined || enumName === undefined) return undefined;
  let struct: BtfStruct | undefined;
  let constants: BtfEnum | undefined;
  for (const type of walkTypes(btf)) {
    if (type.kind === KIND_STRUCT && type.nameOffset === structName) struct = readStruct(btf, type);
    if (type.kind === KIND_ENUM && type.nameOffset === enumName) constants = readEnum(btf, type);
    if (struct !== undefined && constants !== undefined) return { struct, enum: constants };
  }
  return undefined;
}

function readHeader(memory: VirtualMemory, start: VirtAddr, limits: Limits): BtfSections {
  const c = memory.cursor(start, HEADER_BYTES, 'btf header');
  const magic = c.u16(); // magic
  if (magic !== MAGIC) throw c.corrupt('magic', String(magic), String(MAGIC), 2);
  c.skip(2); // version, flags
  const headerBytes = c.u32(); // hdr_len
  const typesOffset = c.u32(); // type_off, from the end of the header
  const typesLength = limited('btf: type_len', c.u32(), limits.btfBytes);
  const stringsOffset = c.u32(); // str_off
  const stringsLength = limited('btf: str_len', c.u32(), limits.btfBytes);
  const sections = addVirt(start, headerBytes);
  return {
    memory,
    order: memory.order,
    types: { start: addVirt(sections, typesOffset), length: typesLength },
    strings: { start: addVirt(sections, stringsOffset), length: stringsLength },
  };
}

/** Offsets of whole strings in the string section, which is read until all of them are found. */
function findStrings({ memory, strings }: BtfSections, names: string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (let at = 0; at < strings.length && found.size < names.length; at += RUN) {
    // Runs overlap, so that a name on the border is whole in one of them.
    const length = Math.min(RUN + CAPS.btfNameBytes, strings.length - at);
    const run = memory.read(addVirt(strings.start, at), length);
    for (const name of names) {
      const offset = indexOfBytes(run, ascii(`\0${name}\0`));
      if (offset >= 0 && !found.has(name)) found.set(name, at + offset + 1);
    }
  }
  return found;
}

function indexOfBytes(haystack: Uint8Array, needle: Uint8Array): number {
  const first = needle[1] ?? 0;
  for (let i = haystack.indexOf(first, 1); i >= 0; i = haystack.indexOf(first, i + 1)) {
    if (needle.every((byte, j) => haystack[i - 1 + j] === byte)) return i - 1;
  }
  return -1;
}

interface BtfType {
  readonly kind: number;
  readonly vlen: number;
  readonly nameOffset: number;
  readonly size: number;
  /** Address of what stands behind struct btf_type. */
  readonly elements: VirtAddr;
}

function* walkTypes({ memory, order, types }: BtfSections): Generator<BtfType> {
  let run = new Cursor(new Uint8Array(0), order, 'btf types');
  let runStart = 0;
  for (let at = 0; at + TYPE_BYTES <= types.length;) {
    if (at - runStart + TYPE_BYTES > run.position + run.remaining) {
      runStart = at;
      const length = Math.min(RUN, types.length - at);
      run = memory.cursor(addVirt(types.start, at), length, 'btf types');
    }
    run.seek(at - runStart);
    const nameOffset = run.u32(); // name_off
    const info = run.u32(); // info: vlen 24 bits, kind 7 bits; older kernels use 16 and 5 of them
    const size = run.u32(); // size or type
    const kind = (info >>> 24) & 0x7f;
    const vlen = info & 0xffffff;
    at += TYPE_BYTES;
    yield { kind, vlen, nameOffset, size, elements: addVirt(types.start, at) };
    at += bytesBehind(kind, vlen);
  }
}

function bytesBehind(kind: number, vlen: number): number {
  if (BARE_KINDS.has(kind)) return 0;
  const bytes = FIXED_BYTES[kind] ?? (ELEMENT_BYTES[kind] ?? NaN) * vlen;
  if (Number.isNaN(bytes)) throw new Corrupt('corrupt', 'btf types', `got unknown kind ${kind}`);
  return bytes;
}

function readStruct(btf: BtfSections, type: BtfType): BtfStruct {
  const members = new Map<string, number>();
  const c = elementCursor(btf, type, 12);
  for (let i = 0; i < Math.min(type.vlen, CAPS.btfElements); i++) {
    const name = readName(btf, c.u32()); // name_off
    c.skip(4); // type
    members.set(name, (c.u32() & 0xffffff) / 8); // offset, bits; the top byte is a bit-field's size
  }
  return { size: type.size, members };
}

function readEnum(btf: BtfSections, type: BtfType): BtfEnum {
  const constants = new Map<string, number>();
  const c = elementCursor(btf, type, 8);
  for (let i = 0; i < Math.min(type.vlen, CAPS.btfElements); i++) {
    const name = readName(btf, c.u32()); // name_off
    constants.set(name, c.i32()); // val
  }
  return constants;
}

function elementCursor({ memory }: BtfSections, { elements, vlen }: BtfType, each: number): Cursor {
  return memory.cursor(elements, Math.min(vlen, CAPS.btfElements) * each, 'btf elements');
}

function readName({ memory, strings }: BtfSections, offset: number): string {
  const length = Math.min(CAPS.btfNameBytes, strings.length - offset);
  if (length <= 0) throw new Corrupt('corrupt', 'btf strings', `got offset ${offset}`);
  return cString(memory.read(addVirt(strings.start, offset), length));
}
