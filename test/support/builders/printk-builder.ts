// A printk ring buffer as it lies in memory (kernel/printk/printk_ringbuffer.h), and the lines of
// VMCOREINFO that describe it.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter, bytesOf } from './bytes.ts';

/** What is stored of a record; what is not said is zero. */
export interface StoredRecord {
  /** Null: an empty line. `lost`: there was no room for the text. */
  readonly text: string | Uint8Array | null | { readonly lost: true };
  /** Committed unless said otherwise. */
  readonly state?: 'reserved' | 'committed' | 'finalized';
  readonly nanoseconds?: bigint;
  readonly facility?: number;
  readonly level?: number;
  readonly flags?: number;
  /** caller_id: a thread, or a CPU with bit 31 set. */
  readonly caller?: number;
  readonly device?: string;
}

export interface LogRecipe {
  readonly order: ByteOrder;
  /** Address of the pointer to the ring. */
  readonly at: bigint;
  /** Oldest first. A record with no text is null; one that was never finished is `reserved`. */
  readonly records: readonly (string | null | { readonly reserved: string } | StoredRecord)[];
  /** Where the ring itself lies: behind the pointer unless said otherwise. */
  readonly ring?: bigint;
  /** Id of the oldest record: ids wrap at 2^62, or at 2^30 on 32-bit machines. */
  readonly firstId?: bigint;
  /** Sequence number of the oldest record. */
  readonly firstSeq?: number;
  /** Position of the first record in the text ring. */
  readonly firstPosition?: bigint;
  readonly countBits?: number;
  readonly sizeBits?: number;
  /** SIZE(printk_info): 88, or 112 with CONFIG_PRINTK_EXECUTION_CTX. */
  readonly infoSize?: number;
  /** By how many records head_id went ahead of the descriptors: a writer died in between. */
  readonly headAhead?: number;
  /** tail_id, where it is not the oldest record's. */
  readonly tailId?: bigint;
  /** Records for which there was no descriptor. */
  readonly fail?: number;
}

export interface BuiltLog {
  /** From the pointer on; the ring too, where it follows. */
  readonly bytes: Uint8Array;
  /** The ring alone. */
  readonly ring: Uint8Array;
  readonly keys: string;
  /** Where the three rings lie in the ring buffer. */
  readonly offsets: Readonly<Record<'descs' | 'infos' | 'text', number>>;
}

const STATES = { reserved: 0n, committed: 1n, finalized: 2n, reusable: 3n };
const TEXT_LENGTH_OFFSET = 16;
const DEVICE_IN_DEV_INFO = 16;
const DEV_INFO_BYTES = 64;
const FAILED_LPOS = 1n;
const EMPTY_LINE_LPOS = 3n;

interface Block {
  readonly begin: bigint;
  readonly next: bigint;
}

export function printkRing(recipe: LogRecipe): BuiltLog {
  const { order, at, countBits = 4, sizeBits = 10, infoSize = 88, firstId = 0n } = recipe;
  const { headAhead = 0, fail = 0 } = recipe;
  const word = order.wordBits / 8;
  const { ring = at + 16n } = recipe;
  const records = recipe.records.map(storedRecord);
  const count = 1 << countBits;
  // The kernel counts both from slot 0 on.
  const { firstSeq = Number(firstId % BigInt(count)) } = recipe;
  const layout = layoutOf(word, infoSize, count);
  const descriptors = new Uint8Array(count * layout.descriptor);
  const infos = new Uint8Array(count * infoSize);
  const text = new Uint8Array(1 << sizeBits);
  let position = recipe.firstPosition ?? 0n;
  const idOf = (i: number): bigint => BigInt.asUintN(order.wordBits - 2, firstId + BigInt(i));
  const blocks = records.map((record, i) => place(record, idOf(i)));
  for (const [i, record] of records.entries()) {
    const slot = Number(idOf(i) % BigInt(count));
    const { begin, next } = blocks[i]!;
    const overwritten = (begin & 1n) === 0n && position - begin > BigInt(text.length);
    const state = STATES[overwritten ? 'reusable' : (record.state ?? 'committed')];
    const stateVar = (state << BigInt(order.wordBits - 2)) | idOf(i);
    const descriptor = new ByteWriter(order).word(stateVar).word(begin).word(next);
    descriptors.set(descriptor.toBytes(), slot * layout.descriptor);
    infos.set(infoOf(record, firstSeq + i, infoSize, order), slot * infoSize);
  }
  const last = records.length - 1;
  const oldest = idOf(Math.max(0, last - count + 1));
  const bytes = new ByteWriter(order);
  const at0 = (offset: number): bigint => ring + BigInt(offset);
  bytes.u32(countBits).align(word).word(at0(layout.descs)).word(at0(layout.infos));
  bytes.word(idOf(last + headAhead)).word(recipe.tailId ?? oldest);
  bytes.u32(sizeBits).align(word).word(at0(layout.text)).word(position).word(0).word(fail);
  bytes.padTo(layout.descs).bytes(descriptors).padTo(layout.infos).bytes(infos);
  const built = bytes.padTo(layout.text).bytes(text).toBytes();
  const pointer = new ByteWriter(order).word(ring).padTo(16);
  if (recipe.ring === undefined) pointer.bytes(built);
  const keys = keysOf(recipe, layout, infoSize);
  return { bytes: pointer.toBytes(), ring: built, keys, offsets: layout };

  /** A block of the text ring, which starts at the beginning where it would wrap. */
  function place({ text: content }: StoredRecord, id: bigint): Block {
    if (content === null) return { begin: EMPTY_LINE_LPOS, next: EMPTY_LINE_LPOS };
    if (typeof content === 'object' && 'lost' in content) {
      return { begin: FAILED_LPOS, next: FAILED_LPOS };
    }
    const block = new ByteWriter(order).word(id).bytes(textBytes(content)).align(word).toBytes();
    const size = BigInt(text.length);
    const begin = position;
    let start = begin % size;
    let next = begin + BigInt(block.length);
    if (start + BigInt(block.length) > size) {
      start = 0n;
      next = (begin / size + 1n) * size + BigInt(block.length);
    }
    text.set(block, Number(start));
    position = next;
    return { begin, next };
  }
}

function storedRecord(record: LogRecipe['records'][number]): StoredRecord {
  if (record === null || typeof record === 'string') return { text: record };
  return 'reserved' in record ? { text: record.reserved, state: 'reserved' } : record;
}

function textBytes(text: StoredRecord['text']): Uint8Array {
  if (text instanceof Uint8Array) return text;
  return typeof text === 'string' ? new Uint8Array(Buffer.from(text)) : new Uint8Array();
}

/** struct printk_info. */
function infoOf(record: StoredRecord, seq: number, size: number, order: ByteOrder): Uint8Array {
  const { nanoseconds = 0n, facility = 0, caller = 0, device = '' } = record;
  const info = new ByteWriter(order).u64(seq).u64(nanoseconds);
  info.u16(textBytes(record.text).length).u8(facility).u8(flagsByte(record, order)).u32(caller);
  info.padTo(devInfoOffset(size) + DEVICE_IN_DEV_INFO).bytes(bytesOf(device));
  return info.padTo(size).toBytes();
}

/** `u8 flags:5, level:3`. */
export function flagsByte(
  { flags = 0, level = 0 }: Pick<StoredRecord, 'flags' | 'level'>,
  { endian }: ByteOrder,
): number {
  return endian === 'little' ? (level << 5) | flags : (flags << 3) | level;
}

function devInfoOffset(infoSize: number): number {
  return infoSize - DEV_INFO_BYTES - (infoSize === 112 ? 4 : 0);
}

interface Layout {
  readonly descriptor: number;
  readonly head: number;
  readonly tail: number;
  readonly data: number;
  readonly fail: number;
  readonly descs: number;
  readonly infos: number;
  readonly text: number;
}

function layoutOf(word: number, infoSize: number, count: number): Layout {
  const descriptor = 3 * word;
  const data = 5 * word; // behind count_bits, descs, infos, head_id, tail_id
  const descs = 0x80;
  const infos = descs + count * descriptor;
  return {
    descriptor,
    head: 3 * word,
    tail: 4 * word,
    data,
    fail: data + 4 * word, // behind size_bits, data, head_lpos, tail_lpos
    descs,
    infos,
    text: infos + count * infoSize,
  };
}

function keysOf({ at, order }: LogRecipe, layout: Layout, infoSize: number): string {
  const word = order.wordBits / 8;
  const offsets: Record<string, number> = {
    'printk_ringbuffer.desc_ring': 0,
    'printk_ringbuffer.text_data_ring': layout.data,
    'printk_ringbuffer.fail': layout.fail,
    'prb_desc_ring.count_bits': 0,
    'prb_desc_ring.descs': word,
    'prb_desc_ring.infos': 2 * word,
    'prb_desc_ring.head_id': layout.head,
    'prb_desc_ring.tail_id': layout.tail,
    'prb_desc.state_var': 0,
    'prb_desc.text_blk_lpos': word,
    'printk_info.seq': 0,
    'printk_info.ts_nsec': 8,
    'printk_info.text_len': TEXT_LENGTH_OFFSET,
    'printk_info.caller_id': 20,
    'printk_info.dev_info': devInfoOffset(infoSize),
    'dev_printk_info.device': DEVICE_IN_DEV_INFO,
    'prb_data_ring.size_bits': 0,
    'prb_data_ring.data': word,
  };
  return (
    `SYMBOL(prb)=${at.toString(16)}\nSIZE(printk_ringbuffer)=${layout.fail + word}\n` +
    `SIZE(prb_desc)=${layout.descriptor}\nSIZE(printk_info)=${infoSize}\n` +
    `LENGTH(printk_info_device)=48\n` +
    Object.entries(offsets)
      .map(([name, offset]) => `OFFSET(${name})=${offset}\n`)
      .join('')
  );
}
