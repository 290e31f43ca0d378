// The printk ring buffer: a ring of descriptors, a ring of infos beside it, and one of texts.
// Source: kernel/printk/printk_ringbuffer.h (896fbe20b4e2 "printk: use the lockless ringbuffer",
// v5.10, and back-ports), Documentation/admin-guide/kdump/vmcoreinfo.rst. SYMBOL(prb) is the address
// of a pointer: to the static ring in the image, or to one that boot code made larger. Sizes and
// offsets come from VMCOREINFO, except for facility, flags and level, which follow text_len.
// A continuation that could not be appended to its line is a record of its own, here as in dmesg.

import { CAPS } from '../limits.ts';
import type { Cursor } from '../bytes/cursor.ts';
import { type VirtAddr, addVirt, virtAddr } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { LogMemory } from './log-memory.ts';
import type { LogEntry, LogRecord } from './record.ts';
import { callerName, deviceName, flagsAndLevel, recordText, secondsOf } from './record-text.ts';
import { neededKey, optionalOffset } from './keys.ts';

/** States in the top two bits of state_var: others are not there to be read. */
const COMMITTED = 1;
const FINALIZED = 2;
/** Lowest bit of a position in the text ring: there is no text, and both positions say why. */
const NO_TEXT = 1n;
const EMPTY_LINE = 3n;
const FACILITY_AFTER_TEXT_LENGTH = 2;

interface Ring {
  readonly count: bigint;
  readonly descriptors: VirtAddr;
  readonly infos: VirtAddr;
  readonly headId: bigint;
  readonly tailId: bigint;
  readonly text: VirtAddr;
  readonly textSize: bigint;
  /** Records for which no descriptor was to be had. */
  readonly fail: number;
}

/** Where the members that are needed lie, all from VMCOREINFO; undefined where it does not say. */
interface RecordLayout {
  readonly descriptorSize: number;
  readonly state: number;
  readonly positions: number;
  readonly infoSize: number;
  readonly textLength: number;
  readonly seq: number | undefined;
  readonly time: number | undefined;
  readonly caller: number | undefined;
  readonly device: readonly [offset: number, length: number] | undefined;
}

/**
 * Every record from the newest to the oldest. Those that were begun and never committed are passed
 * over, also at the head: what the kernel was writing when it died has no text yet.
 *
 * @throws Corrupt when VMCOREINFO has not what it takes or the ring makes no sense, PageMissing when
 *   the head of the ring is not in the dump.
 */
export function* newestOfRing(kernel: Kernel, pages: LogMemory): Generator<LogEntry> {
  const ring = readRing(kernel);
  const layout = recordLayout(kernel.vmcoreinfo);
  if (ring.fail > 0) yield { kind: 'lost', count: ring.fail };
  const idBits = pages.order.wordBits - 2; // the other two are the state
  const span = BigInt.asUintN(idBits, ring.headId - ring.tailId) + 1n;
  const held = span < ring.count ? span : ring.count;
  for (let back = 0n; back < held; back++) {
    const id = BigInt.asUintN(idBits, ring.headId - back);
    const entry = readEntry(pages, ring, layout, id);
    if (entry !== undefined) yield entry;
  }
}

function readEntry(
  pages: LogMemory,
  ring: Ring,
  layout: RecordLayout,
  id: bigint,
): LogEntry | undefined {
  const slot = Number(id % ring.count);
  const { descriptorSize, infoSize } = layout;
  const at = addVirt(ring.descriptors, slot * descriptorSize);
  const descriptor = pages.cursor(at, descriptorSize, 'prb_desc');
  if (descriptor === undefined) return { kind: 'unreadable' };
  const idBits = pages.order.wordBits - 2;
  const stateVar = descriptor.seek(layout.state).word();
  const state = Number(stateVar >> BigInt(idBits));
  if (BigInt.asUintN(idBits, stateVar) !== id) return undefined;
  if (state !== COMMITTED && state !== FINALIZED) return undefined;
  const begin = descriptor.seek(layout.positions).word();
  const next = descriptor.word();
  const infoAt = addVirt(ring.infos, slot * infoSize);
  const info = pages.cursor(infoAt, infoSize, 'printk_info');
  if (info === undefined) return { kind: 'unreadable' };
  const length = Math.min(info.seek(layout.textLength).u16(), CAPS.logTextBytes);
  const text = readText(pages, ring, { id, begin, next, length });
  if (text === 'lost') return { kind: 'lost', count: 1 };
  if (text === undefined) return { kind: 'unreadable' };
  const seq = layout.seq === undefined ? null : Number(info.seek(layout.seq).u64());
  return { kind: 'record', record: recordOf(info, layout, text, pages.order.endian), seq };
}

function recordOf(
  info: Cursor,
  { textLength, time, caller, device }: RecordLayout,
  text: Uint8Array,
  endian: 'little' | 'big',
): LogRecord {
  const facility = info.seek(textLength + FACILITY_AFTER_TEXT_LENGTH).u8();
  const { level } = flagsAndLevel(info.u8(), endian);
  return {
    timeSeconds: time === undefined ? null : secondsOf(info.seek(time).u64()),
    facility,
    level,
    caller: caller === undefined ? null : callerName(info.seek(caller).u32()),
    device: device === undefined ? null : deviceName(info.seek(device[0]).bytes(device[1])),
    text: recordText(text),
  };
}

interface Block {
  readonly id: bigint;
  readonly begin: bigint;
  readonly next: bigint;
  readonly length: number;
}

/**
 * A block holds the id of its record, then the text; one that would wrap lies at the start instead.
 *
 * @returns undefined where the block is not in the dump, or is not that record's.
 */
function readText(
  pages: LogMemory,
  { text, textSize }: Ring,
  { id, begin, next, length }: Block,
): Uint8Array | 'lost' | undefined {
  if ((begin & NO_TEXT) !== 0n) return begin === EMPTY_LINE ? new Uint8Array() : 'lost';
  const { wordBits } = pages.order;
  const last = BigInt.asUintN(wordBits, next - 1n);
  const wraps = begin / textSize !== last / textSize;
  const blockBytes = wraps ? (last % textSize) + 1n : BigInt.asUintN(wordBits, next - begin);
  const room = Number(blockBytes) - wordBits / 8;
  if (room < 0 || blockBytes > textSize) return undefined;
  const at = addVirt(text, wraps ? 0n : begin % textSize);
  const owner = pages.cursor(at, wordBits / 8, 'prb_data_block')?.word();
  if (owner !== id) return undefined;
  return pages.read(addVirt(at, wordBits / 8), Math.min(length, room));
}

function readRing(kernel: Kernel): Ring {
  const { memory, vmcoreinfo } = kernel;
  const pointer = vmcoreinfo.symbol('prb');
  if (pointer === undefined) throw new Corrupt('corrupt', 'vmcoreinfo', 'want SYMBOL(prb)');
  const prb = virtAddr(memory.cursor(pointer, memory.order.wordBits / 8, 'prb').word());
  const size = neededKey(vmcoreinfo.size('printk_ringbuffer'), 'SIZE(printk_ringbuffer)');
  const c = memory.cursor(prb, size, 'printk_ringbuffer');
  const offset = (name: string): number => neededKey(vmcoreinfo.offset(name), `OFFSET(${name})`);
  const desc = (name: string): Cursor =>
    c.seek(offset('printk_ringbuffer.desc_ring') + offset(`prb_desc_ring.${name}`));
  const data = (name: string): Cursor =>
    c.seek(offset('printk_ringbuffer.text_data_ring') + offset(`prb_data_ring.${name}`));
  const countBits = bits(desc('count_bits').u32(), CAPS.printkCountBits, 'count_bits');
  const sizeBits = bits(data('size_bits').u32(), CAPS.printkTextBits, 'size_bits');
  const fail = optionalOffset(vmcoreinfo, 'printk_ringbuffer.fail');
  return {
    count: 1n << countBits,
    descriptors: virtAddr(desc('descs').word()),
    infos: virtAddr(desc('infos').word()),
    headId: desc('head_id').word(),
    tailId: desc('tail_id').word(),
    text: virtAddr(data('data').word()),
    textSize: 1n << sizeBits,
    fail: fail === undefined ? 0 : Number(c.seek(fail).word()),
  };
}

function recordLayout(info: Vmcoreinfo): RecordLayout {
  const offset = (name: string): number => neededKey(info.offset(name), `OFFSET(${name})`);
  const size = (name: string): number => neededKey(info.size(name), `SIZE(${name})`);
  const devInfo = optionalOffset(info, 'printk_info.dev_info');
  const device = optionalOffset(info, 'dev_printk_info.device');
  const deviceLength = info.length('printk_info_device');
  const known = devInfo !== undefined && device !== undefined && deviceLength !== undefined;
  return {
    descriptorSize: size('prb_desc'),
    state: offset('prb_desc.state_var'),
    positions: offset('prb_desc.text_blk_lpos'),
    infoSize: size('printk_info'),
    textLength: offset('printk_info.text_len'),
    seq: optionalOffset(info, 'printk_info.seq'),
    time: optionalOffset(info, 'printk_info.ts_nsec'),
    caller: optionalOffset(info, 'printk_info.caller_id'),
    device: known ? [devInfo + device, deviceLength] : undefined,
  };
}

function bits(value: number, max: number, name: string): bigint {
  if (value >= 1 && value <= max) return BigInt(value);
  throw new Corrupt('corrupt', `printk_ringbuffer: ${name}`, `got ${value}, want 1..${max}`);
}
