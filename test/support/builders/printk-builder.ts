// A printk ring buffer as it lies in memory (kernel/printk/printk_ringbuffer.h), and the lines of
// VMCOREINFO that describe it.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';
import { ByteWriter } from './bytes.ts';

export interface LogRecipe {
  readonly order: ByteOrder;
  /** Address of the pointer to the ring. */
  readonly at: bigint;
  /** Oldest first. A record with no text is null; one that was never finished is `reserved`. */
  readonly records: readonly (string | null | { readonly reserved: string })[];
  /** Where the ring itself lies: behind the pointer unless said otherwise. */
  readonly ring?: bigint;
  /** Id of the oldest record: ids wrap at 2^62, or at 2^30 on 32-bit machines. */
  readonly firstId?: bigint;
  /** Position of the first record in the text ring. */
  readonly firstPosition?: bigint;
  readonly countBits?: number;
  readonly sizeBits?: number;
  /** SIZE(printk_info): 88, or 112 with CONFIG_PRINTK_EXECUTION_CTX. */
  readonly infoSize?: number;
}

export interface BuiltLog {
  /** From the pointer on; the ring too, where it follows. */
  readonly bytes: Uint8Array;
  /** The ring alone. */
  readonly ring: Uint8Array;
  readonly keys: string;
}

const COMMITTED = 1n;
const RESERVED = 0n;
const TEXT_LENGTH_OFFSET = 16;

export function printkRing(recipe: LogRecipe): BuiltLog {
  const { order, at, countBits = 4, sizeBits = 10, infoSize = 88, firstId = 0n } = recipe;
  const word = order.wordBits / 8;
  const { ring = at + 16n, records } = recipe;
  const count = 1 << countBits;
  const idBits = BigInt(order.wordBits - 2);
  const layout = layoutOf(word, infoSize, count);
  const descriptors = new Uint8Array(count * layout.descriptor);
  const infos = new Uint8Array(count * infoSize);
  const text = new Uint8Array(1 << sizeBits);
  let position = recipe.firstPosition ?? 0n;
  const idOf = (i: number): bigint => BigInt.asUintN(Number(idBits), firstId + BigInt(i));
  for (const [i, record] of records.entries()) {
    const id = idOf(i);
    const slot = Number(id % BigInt(count));
    const content = typeof record === 'string' ? record : (record?.reserved ?? '');
    const state = record !== null && typeof record === 'object' ? RESERVED : COMMITTED;
    const block = record === null ? emptyBlock() : place(content, id);
    const descriptor = new ByteWriter(order).word((state << idBits) | id);
    descriptor.word(block[0]).word(block[1]);
    descriptors.set(descriptor.toBytes(), slot * layout.descriptor);
    const length = new ByteWriter(order).u16(Buffer.byteLength(content)).toBytes();
    infos.set(length, slot * infoSize + TEXT_LENGTH_OFFSET);
  }
  const bytes = new ByteWriter(order);
  const at0 = (offset: number): bigint => ring + BigInt(offset);
  bytes.u32(countBits).align(word);
  bytes
    .word(at0(layout.descs))
    .word(at0(layout.infos))
    .word(idOf(records.length - 1))
    .word(firstId);
  bytes.u32(sizeBits).align(word).word(at0(layout.text)).word(position).word(0);
  bytes.padTo(layout.descs).bytes(descriptors).padTo(layout.infos).bytes(infos);
  const built = bytes.padTo(layout.text).bytes(text).toBytes();
  const pointer = new ByteWriter(order).word(ring).padTo(16);
  if (recipe.ring === undefined) pointer.bytes(built);
  return { bytes: pointer.toBytes(), ring: built, keys: keysOf(recipe, layout, infoSize) };

  function emptyBlock(): [bigint, bigint] {
    return [position | 1n, position | 3n];
  }

  /** A block of the text ring, which starts at the beginning where it would wrap. */
  function place(content: string, id: bigint): [bigint, bigint] {
    const block = new ByteWriter(order).word(id).bytes(Buffer.from(content)).align(word).toBytes();
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
    return [begin, next];
  }
}

interface Layout {
  readonly descriptor: number;
  readonly head: number;
  readonly tail: number;
  readonly data: number;
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
    'prb_desc_ring.count_bits': 0,
    'prb_desc_ring.descs': word,
    'prb_desc_ring.infos': 2 * word,
    'prb_desc_ring.head_id': layout.head,
    'prb_desc_ring.tail_id': layout.tail,
    'prb_desc.state_var': 0,
    'prb_desc.text_blk_lpos': word,
    'printk_info.text_len': TEXT_LENGTH_OFFSET,
    'prb_data_ring.size_bits': 0,
    'prb_data_ring.data': word,
  };
  return (
    `SYMBOL(prb)=${at.toString(16)}\nSIZE(printk_ringbuffer)=${layout.data + 4 * word}\n` +
    `SIZE(prb_desc)=${layout.descriptor}\nSIZE(printk_info)=${infoSize}\n` +
    Object.entries(offsets)
      .map(([name, offset]) => `OFFSET(${name})=${offset}\n`)
      .join('')
  );
}
