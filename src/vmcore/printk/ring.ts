// The kernel's log in the dump: the printk ring buffer, newest record first.
// Source: kernel/printk/printk_ringbuffer.h (since v5.10), Documentation/admin-guide/kdump/
// vmcoreinfo.rst. SYMBOL(prb) is the address of a pointer: to the static ring in the image, or to
// one that boot code made larger. Sizes and offsets come from VMCOREINFO: printk_info is 88 bytes,
// or 112 with CONFIG_PRINTK_EXECUTION_CTX.

import { CAPS } from '../limits.ts';
import type { Cursor } from '../bytes/cursor.ts';
import { type VirtAddr, addVirt, virtAddr } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt } from '../errors.ts';
import type { Kernel } from '../kernel.ts';

/** Record states in the top two bits of state_var; the others are not there to be read. */
const COMMITTED = 1;
const FINALIZED = 2;
/** Lowest bit of a position in the text ring: the record has no text. */
const NO_TEXT = 1n;

interface Ring {
  readonly count: bigint;
  readonly descriptors: VirtAddr;
  readonly infos: VirtAddr;
  readonly headId: bigint;
  readonly text: VirtAddr;
  readonly textSize: bigint;
}

/** Where the members that are needed lie, all from VMCOREINFO. */
interface RecordLayout {
  readonly descriptorSize: number;
  readonly stateOffset: number;
  readonly positionsOffset: number;
  readonly infoSize: number;
  readonly textLengthOffset: number;
}

/**
 * Texts of records, newest first, as bytes of at most `maxBytes`.
 *
 * @throws Corrupt when VMCOREINFO has not what it takes or the ring makes no sense, PageMissing when
 *   a page of it is not in the dump.
 */
export function* newestRecords(
  kernel: Kernel,
  maxRecords: number,
  maxBytes: number,
): Generator<Uint8Array> {
  const { memory, vmcoreinfo } = kernel;
  const ring = readRing(kernel);
  const layout = recordLayout(vmcoreinfo);
  const idBits = BigInt(memory.order.wordBits - 2); // the other two are the state
  for (let back = 0n; back < BigInt(maxRecords) && back < ring.count; back++) {
    const id = BigInt.asUintN(Number(idBits), ring.headId - back);
    const slot = Number(id % ring.count);
    const descriptor = memory.cursor(
      addVirt(ring.descriptors, slot * layout.descriptorSize),
      layout.descriptorSize,
      'prb_desc',
    );
    const stateVar = descriptor.seek(layout.stateOffset).word();
    const state = Number(stateVar >> idBits);
    if (BigInt.asUintN(Number(idBits), stateVar) !== id) return;
    if (state !== COMMITTED && state !== FINALIZED) continue;
    const begin = descriptor.seek(layout.positionsOffset).word();
    const next = descriptor.word();
    if ((begin & NO_TEXT) !== 0n) continue;
    const info = addVirt(ring.infos, slot * layout.infoSize + layout.textLengthOffset);
    const length = memory.cursor(info, 2, 'printk_info').u16(); // text_len
    yield readText(kernel, ring, [begin, next], Math.min(length, maxBytes));
  }
}

/** A block holds the id of its record, then the text; one that would wrap begins at the start. */
function readText(
  { memory }: Kernel,
  { text, textSize }: Ring,
  [begin, next]: readonly [bigint, bigint],
  length: number,
): Uint8Array {
  const wraps = begin / textSize !== (next - 1n) / textSize;
  const start = wraps ? 0n : begin % textSize;
  const idBytes = BigInt(memory.order.wordBits / 8);
  const room = next - (wraps ? (next / textSize) * textSize : begin) - idBytes;
  const available = room < 0n || room > textSize ? 0n : room;
  const bytes = Math.min(length, Number(available));
  return memory.read(addVirt(text, start + idBytes), bytes);
}

function readRing(kernel: Kernel): Ring {
  const { memory, vmcoreinfo } = kernel;
  const pointer = vmcoreinfo.symbol('prb');
  if (pointer === undefined) throw new Corrupt('corrupt', 'vmcoreinfo', 'want SYMBOL(prb)');
  const wordBytes = memory.order.wordBits / 8;
  const prb = virtAddr(memory.cursor(pointer, wordBytes, 'prb').word());
  const size = need(vmcoreinfo.size('printk_ringbuffer'), 'SIZE(printk_ringbuffer)');
  const c = memory.cursor(prb, Math.min(size, 4096), 'printk_ringbuffer');
  const member = (path: readonly [string, string]): Cursor => {
    const offsets = path.map((name) => need(vmcoreinfo.offset(name), `OFFSET(${name})`));
    return c.seek(offsets.reduce((sum, offset) => sum + offset, 0));
  };
  const desc = (name: string): Cursor =>
    member(['printk_ringbuffer.desc_ring', `prb_desc_ring.${name}`]);
  const data = (name: string): Cursor =>
    member(['printk_ringbuffer.text_data_ring', `prb_data_ring.${name}`]);
  const countBits = bits(desc('count_bits').u32(), CAPS.printkCountBits, 'count_bits');
  const sizeBits = bits(data('size_bits').u32(), CAPS.printkTextBits, 'size_bits');
  return {
    count: 1n << countBits,
    descriptors: virtAddr(desc('descs').word()),
    infos: virtAddr(desc('infos').word()),
    headId: desc('head_id').word(),
    text: virtAddr(data('data').word()),
    textSize: 1n << sizeBits,
  };
}

function recordLayout(info: Vmcoreinfo): RecordLayout {
  return {
    descriptorSize: need(info.size('prb_desc'), 'SIZE(prb_desc)'),
    stateOffset: need(info.offset('prb_desc.state_var'), 'OFFSET(prb_desc.state_var)'),
    positionsOffset: need(info.offset('prb_desc.text_blk_lpos'), 'OFFSET(prb_desc.text_blk_lpos)'),
    infoSize: need(info.size('printk_info'), 'SIZE(printk_info)'),
    textLengthOffset: need(info.offset('printk_info.text_len'), 'OFFSET(printk_info.text_len)'),
  };
}

/** The value of a key that must be there, small enough to be part of a struct. */
function need(value: number | undefined, key: string): number {
  if (value !== undefined && value <= 4096) return value;
  throw new Corrupt('corrupt', 'vmcoreinfo', `want ${key}, got ${value ?? 'none'}`);
}

function bits(value: number, max: number, name: string): bigint {
  if (value >= 1 && value <= max) return BigInt(value);
  throw new Corrupt('corrupt', `printk_ringbuffer: ${name}`, `got ${value}, want 1..${max}`);
}
