// BTF as pahole writes it (Documentation/bpf/btf.rst): a header, types, strings. Enough kinds to make
// a reader step over the others.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, LE64, bytesOf } from './bytes.ts';

/** A type; offsets of members are in bytes. */
export type BtfType =
  | { readonly kind: 'int' | 'ptr'; readonly name?: string }
  | { readonly kind: 'array' }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly size: number;
      readonly members: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly values: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: 'raw';
      readonly number: number;
      readonly vlen: number;
      readonly bytes: number;
    };

export interface BtfRecipe {
  readonly types: readonly BtfType[];
  /** hdr_len: 24, or 32 where there is a layout section. */
  readonly headerBytes?: number;
  readonly magic?: number;
  /** Strings before those of the types. */
  readonly padding?: number;
}

const KINDS = { int: 1, ptr: 2, array: 3, struct: 4, union: 5, enum: 6 } as const;

export function btf(recipe: BtfRecipe, order: ByteOrder = LE64): Uint8Array {
  const { headerBytes = 24, magic = 0xeb9f } = recipe;
  const strings = new ByteWriter(order).u8(0).zeros(recipe.padding ?? 0);
  const name = (text: string): number => {
    const offset = strings.length;
    strings.bytes(bytesOf(text)).u8(0);
    return offset;
  };
  const types = new ByteWriter(order);
  for (const type of recipe.types) writeType(types, type, name);
  const out = new ByteWriter(order).u16(magic).u8(1).u8(0).u32(headerBytes);
  out.u32(0).u32(types.length).u32(types.length).u32(strings.length);
  return out.padTo(headerBytes).bytes(types.toBytes()).bytes(strings.toBytes()).toBytes();
}

function writeType(out: ByteWriter, type: BtfType, name: (text: string) => number): void {
  const head = (nameOffset: number, kind: number, vlen: number, size: number): ByteWriter =>
    out
      .u32(nameOffset)
      .u32((kind << 24) | vlen)
      .u32(size);
  switch (type.kind) {
    case 'int':
      head(name(type.name ?? 'int'), KINDS.int, 0, 4).u32(0x20);
      return;
    case 'ptr':
      head(0, KINDS.ptr, 0, 1);
      return;
    case 'array':
      head(0, KINDS.array, 0, 0).u32(1).u32(1).u32(5);
      return;
    case 'struct':
    case 'union': {
      const members = Object.entries(type.members).map(([text, at]) => [name(text), at] as const);
      head(name(type.name), KINDS[type.kind], members.length, type.size);
      for (const [nameOffset, at] of members)
        out
          .u32(nameOffset)
          .u32(1)
          .u32(at * 8);
      return;
    }
    case 'enum': {
      const values = Object.entries(type.values).map(
        ([text, value]) => [name(text), value] as const,
      );
      head(name(type.name), KINDS.enum, values.length, 4);
      for (const [nameOffset, value] of values) out.u32(nameOffset).u32(value);
      return;
    }
    case 'raw':
      head(0, type.number, type.vlen, 0).zeros(type.bytes);
  }
}

/** The types of hwerr_data, as they are or changed. */
export function hwerrTypes(
  categories: readonly string[] = ['CPU', 'MEMORY', 'PCI', 'CXL', 'OTHERS'],
  info: { readonly size: number; readonly members: Readonly<Record<string, number>> } = {
    size: 16,
    members: { count: 0, timestamp: 8 },
  },
): BtfType[] {
  const values = Object.fromEntries([...categories, 'MAX'].map((c, i) => [`HWERR_RECOV_${c}`, i]));
  return [
    { kind: 'int' },
    { kind: 'ptr' },
    { kind: 'array' },
    { kind: 'enum', name: 'hwerr_error_type', values },
    { kind: 'struct', name: 'hwerr_info', ...info },
  ];
}
