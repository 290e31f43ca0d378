// The record buffer of kernels before the ring, filled as log_store() of kernel/printk/printk.c
// (v3.6 to v5.9) does it, and the lines of VMCOREINFO that describe it.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, bytesOf } from './bytes.ts';
import { type StoredRecord, flagsByte } from './printk-builder.ts';

interface LegacyRecord extends Omit<StoredRecord, 'text' | 'state' | 'device'> {
  readonly text: string;
  /** `SUBSYSTEM=pci\0DEVICE=+pci:0000:01:00.0` */
  readonly dict?: string;
}

export interface LegacyLogRecipe {
  readonly order: ByteOrder;
  /** Address of the variables log_buf, log_buf_len, log_first_idx, log_next_idx. */
  readonly at: bigint;
  /** Address of the buffer. */
  readonly buffer: bigint;
  /** Oldest first. */
  readonly records: readonly (string | LegacyRecord)[];
  readonly bufferBytes?: number;
  /** LOG_ALIGN: 4 or 8. */
  readonly alignment?: number;
  /** Its name before v3.11 was `log`. */
  readonly struct?: 'printk_log' | 'log';
  /** Whether records have a caller_id: CONFIG_PRINTK_CALLER. */
  readonly callers?: boolean;
}

export interface BuiltLegacyLog {
  readonly variables: Uint8Array;
  readonly buffer: Uint8Array;
  readonly keys: string;
  /** Where each record that is still there lies in the buffer, oldest first. */
  readonly places: readonly { readonly at: number; readonly text: string }[];
}

const LOG_NEWLINE = 2;
const LOG_PREFIX = 4;

export function legacyLog(recipe: LegacyLogRecipe): BuiltLegacyLog {
  const { order, at, buffer: address, bufferBytes = 1024, alignment = 4 } = recipe;
  const header = recipe.callers === true ? 20 : 16;
  const buffer = new Uint8Array(bufferBytes);
  const places: { at: number; length: number; text: string }[] = [];
  let next = 0;
  for (const record of recipe.records) {
    const stored = typeof record === 'string' ? { text: record } : record;
    const bytes = recordBytes(stored, { order, alignment, header });
    let first = places[0]?.at ?? next;
    while (!hasRoom(bytes.length + header)) places.shift();
    if (next + bytes.length + header > bufferBytes) {
      buffer.fill(0, next, next + header);
      next = 0;
    }
    buffer.set(bytes, next);
    places.push({ at: next, length: bytes.length, text: stored.text });
    next += bytes.length;

    /** logbuf_has_space() */
    function hasRoom(size: number): boolean {
      if (places.length === 0) return true;
      first = places[0]!.at;
      const free = next > first ? Math.max(bufferBytes - next, first) : first - next;
      return free >= size;
    }
  }
  const word = order.wordBits / 8;
  const variables = new ByteWriter(order).word(address).u32(bufferBytes);
  variables.u32(places[0]?.at ?? next).u32(next);
  return { variables: variables.toBytes(), buffer, places, keys: keysOf(recipe, header, at, word) };
}

function recordBytes(
  record: LegacyRecord,
  { order, alignment, header }: { order: ByteOrder; alignment: number; header: number },
): Uint8Array {
  const { text, dict = '', nanoseconds = 0n, facility = 0, caller = 0 } = record;
  const { flags = LOG_NEWLINE | LOG_PREFIX } = record;
  const used = header + Buffer.byteLength(text) + dict.length;
  const length = Math.ceil(used / alignment) * alignment;
  const out = new ByteWriter(order).u64(nanoseconds).u16(length).u16(Buffer.byteLength(text));
  out
    .u16(dict.length)
    .u8(facility)
    .u8(flagsByte({ ...record, flags }, order));
  if (header === 20) out.u32(caller);
  return out
    .bytes(new Uint8Array(Buffer.from(text)))
    .bytes(bytesOf(dict))
    .padTo(length)
    .toBytes();
}

function keysOf(
  { struct = 'printk_log' }: LegacyLogRecipe,
  header: number,
  at: bigint,
  word: number,
): string {
  const symbols = {
    log_buf: 0,
    log_buf_len: word,
    log_first_idx: word + 4,
    log_next_idx: word + 8,
  };
  const offsets = {
    ts_nsec: 0,
    len: 8,
    text_len: 10,
    dict_len: 12,
    ...(header === 20 && { caller_id: 16 }),
  };
  const lines = [
    ...Object.entries(symbols).map(
      ([name, offset]) => `SYMBOL(${name})=${(at + BigInt(offset)).toString(16)}`,
    ),
    `SIZE(${struct})=${header}`,
    ...Object.entries(offsets).map(([name, offset]) => `OFFSET(${struct}.${name})=${offset}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
