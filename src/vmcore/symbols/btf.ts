// BTF, the kernel's own description of its types, read from the dump only as far as needed for one struct and
// one enum. Types are of variable length and unsorted, so first the names are located, then the types are
// scanned once in runs of 64 KiB until both are found.
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

/** BTF_KIND_* (include/uapi/linux/btf.h): since v4.18, others since the version noted. */
const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12, // v5.0
  FUNC_PROTO: 13, // v5.0
  VAR: 14, // v5.2
  DATASEC: 15, // v5.2
  FLOAT: 16, // v5.13
  DECL_TAG: 17, // v5.16
  TYPE_TAG: 18, // v5.17
  ENUM64: 19, // v6.0
} as const;

/** sizeof(struct btf_member) and sizeof(struct btf_enum). */
const MEMBER_BYTES = 12;
const ENUMERATOR_BYTES = 8;

/** Bytes after struct btf_type, by kind: a fixed number, and a number for each of `vlen` elements. */
const BYTES_BEHIND: ReadonlyMap<number, { readonly fixed?: number; readonly each?: number }> =
  new Map([
    [KIND.INT, { fixed: 4 }],
    [KIND.PTR, {}],
    [KIND.ARRAY, { fixed: 12 }],
    [KIND.STRUCT, { each: MEMBER_BYTES }],
    [KIND.UNION, { each: MEMBER_BYTES }],
    [KIND.ENUM, { each: ENUMERATOR_BYTES }],
    [KIND.FWD, {}],
    [KIND.TYPEDEF, {}],
    [KIND.VOLATILE, {}],
    [KIND.CONST, {}],
    [KIND.RESTRICT, {}],
    [KIND.FUNC, {}],
    [KIND.FUNC_PROTO, { each: 8 }],
    [KIND.VAR, { fixed: 4 }],
    [KIND.DATASEC, { each: 12 }],
    [KIND.FLOAT, {}],
    [KIND.DECL_TAG, { fixed: 4 }],
    [KIND.TYPE_TAG, {}],
    [KIND.ENUM64, { each: 12 }],
  ]);

/** A struct in BTF. Unnamed members share the empty name. */
export interface BtfStruct {
  /** Size in bytes. */
  readonly size: number;
  /** Offset of each member, bytes. */
  readonly members: ReadonlyMap<string, number>;
}

/** Constants of an enum, in order of declaration. */
export type BtfEnum = ReadonlyMap<string, number>;

interface BtfSections {
  readonly memory: VirtualMemory;
  readonly order: ByteOrder;
  readonly types: { readonly start: VirtAddr; readonly length: number };
  readonly strings: { readonly start: VirtAddr; readonly length: number };
}

/**
 * Finds one struct and one enum by name.
 *
 * @param start the address of `__start_BTF`.
 * @returns undefined if BTF lacks either of them.
 * @throws Corrupt if it is not BTF, PageMissing if part of it is not in the dump.
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
    if (type.kind === KIND.STRUCT && type.nameOffset === structName) struct = readStruct(btf, type);
    if (type.kind === KIND.ENUM && type.nameOffset === enumName) constants = readEnum(btf, type);
    if (struct !== undefined && constants !== undefined) return { struct, enum: constants };
  }
  return undefined;
}

function readHeader(memory: VirtualMemory, start: VirtAddr, limits: Limits): BtfSections {
  const c = memory.cursor(start, HEADER_BYTES, 'btf header');
  const magic = c.u16();
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

/** Returns the offsets of complete strings in the string section, which is read until all are found. */
function findStrings({ memory, strings }: BtfSections, names: string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (let at = 0; at < strings.length && found.size < names.length; at += RUN) {
    // Runs overlap, so that a name on a border is complete in one of them.
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
  /** Address of the data after struct btf_type. */
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
  const behind = BYTES_BEHIND.get(kind);
  if (behind === undefined) throw new Corrupt('corrupt', 'btf types', `got unknown kind ${kind}`);
  return (behind.fixed ?? 0) + (behind.each ?? 0) * vlen;
}

function readStruct(btf: BtfSections, type: BtfType): BtfStruct {
  const members = new Map<string, number>();
  const c = elementCursor(btf, type, MEMBER_BYTES);
  for (let i = 0; i < Math.min(type.vlen, CAPS.btfElements); i++) {
    const name = readName(btf, c.u32()); // name_off
    c.skip(4); // type
    members.set(name, (c.u32() & 0xffffff) / 8); // offset, bits; the top byte is a bit-field's size
  }
  return { size: type.size, members };
}

function readEnum(btf: BtfSections, type: BtfType): BtfEnum {
  const constants = new Map<string, number>();
  const c = elementCursor(btf, type, ENUMERATOR_BYTES);
  for (let i = 0; i < Math.min(type.vlen, CAPS.btfElements); i++) {
    const name = readName(btf, c.u32()); // name_off
    constants.set(name, c.i32()); // val
  }
  return constants;
}

function elementCursor({ memory }: BtfSections, { elements, vlen }: BtfType, each: number): Cursor {
  return memory.cursor(elements, Math.min(vlen, CAPS.btfElements) * each, 'btf elements');
}

/** @throws Corrupt unless the offset is that of a complete string: 0, or after a NUL. */
function readName({ memory, strings }: BtfSections, offset: number): string {
  if (offset === 0) return '';
  const length = Math.min(1 + CAPS.btfNameBytes, strings.length - (offset - 1));
  const bytes = length > 1 ? memory.read(addVirt(strings.start, offset - 1), length) : undefined;
  if (bytes?.[0] !== 0) throw new Corrupt('corrupt', 'btf strings', `got offset ${offset}`);
  return cString(bytes.subarray(1));
}
