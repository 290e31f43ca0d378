// The printk ring buffer: rings of descriptors, of infos and of texts.
// Source: kernel/printk/printk_ringbuffer.h since 896fbe20b4e2 ("printk: use the lockless ringbuffer")
// (in v5.10) and in backports; Documentation/admin-guide/kdump/vmcoreinfo.rst. SYMBOL(prb) is the address of a
// pointer: to the static ring in the image, or to a larger one allocated at boot. Sizes and offsets come from
// VMCOREINFO, except for facility, flags and level, which follow text_len.
// A continuation that could not be appended to its line is a record of its own, as in dmesg.

import { CAPS } from '../limits.ts';
import type { Cursor, Endian, WordBits } from '../bytes/cursor.ts';
import { virtAddr } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { LogMemory } from './log-memory.ts';
import { LogRegion } from './log-region.ts';
import type { LogEntry, LogRecord } from './record.ts';
import { callerName, deviceName, flagsAndLevel, recordText, secondsOf } from './record-text.ts';
import { neededKey, optionalOffset } from './keys.ts';

/** States in the top two bits of state_var; records in other states cannot be read. */
const COMMITTED = 1;
const FINALIZED = 2;
/** Lowest bit of a position in the text ring: there is no text, and the position says why. */
const NO_TEXT = 1n;
const EMPTY_LINE = 3n;
const FACILITY_AFTER_TEXT_LENGTH = 2;

interface Ring {
  /** A power of two: a record's id modulo it is the index of its descriptor and info. */
  readonly count: bigint;
  readonly descriptors: LogRegion;
  readonly infos: LogRegion;
  readonly headId: bigint;
  readonly tailId: bigint;
  readonly text: LogRegion;
  /** A power of two. */
  readonly textSize: bigint;
  /** Number of records for which no descriptor was available. */
  readonly fail: number;
  readonly wordBits: WordBits;
  /** Number of bits of an id; the other two bits of a word are the state. */
  readonly idBits: number;
  readonly endian: Endian;
}

/** Sizes and member offsets of the structs, from VMCOREINFO; optional ones are undefined if it lacks them. */
interface RecordLayout {
  readonly descriptorSize: number;
  readonly state: number;
  readonly begin: number;
  readonly next: number;
  readonly infoSize: number;
  readonly textLength: number;
  readonly facility: number;
  readonly seq: number | undefined;
  readonly time: number | undefined;
  readonly caller: number | undefined;
  readonly device: { readonly at: number; readonly length: number } | undefined;
}

/**
 * Iterates over all records, newest first. Skips reserved records that were never committed, also at the
 * head: their text was being written when the kernel died.
 *
 * @throws Corrupt if VMCOREINFO lacks a key or the ring is inconsistent, PageMissing if the head of the ring
 *   is not in the dump.
 */
export function* newestOfRing(kernel: Kernel, pages: LogMemory): Generator<LogEntry> {
  const ring = readRing(kernel, pages);
  const layout = recordLayout(kernel.vmcoreinfo, ring);
  if (ring.fail > 0) yield { kind: 'lost', count: ring.fail };
  const span = BigInt.asUintN(ring.idBits, ring.headId - ring.tailId) + 1n;
  const used = span < ring.count ? span : ring.count;
  // At the head, ids may be ahead of their descriptors; behind it, every one of them was written.
  let isHead = true;
  for (let back = 0n; back < used; back++) {
    const entry = readEntry(ring, layout, BigInt.asUintN(ring.idBits, ring.headId - back));
    if (entry === 'other' && !isHead) yield UNREADABLE;
    isHead &&= entry === 'other';
    if (entry !== 'other' && entry !== undefined) yield entry;
  }
}

/** @returns undefined for a record that was never committed, `other` if the descriptor is not of this id. */
function readEntry(ring: Ring, layout: RecordLayout, id: bigint): LogEntry | 'other' | undefined {
  const { descriptors, infos, idBits } = ring;
  const slot = Number(id & (ring.count - 1n));
  if (!descriptors.seek(slot * layout.descriptorSize, layout.descriptorSize)) return UNREADABLE;
  const stateVar = descriptors.word(layout.state);
  if (BigInt.asUintN(idBits, stateVar) !== id) return 'other';
  const state = Number(stateVar >> BigInt(idBits));
  if (state !== COMMITTED && state !== FINALIZED) return undefined;
  const begin = descriptors.word(layout.begin);
  const next = descriptors.word(layout.next);
  if (!infos.seek(slot * layout.infoSize, layout.infoSize)) return UNREADABLE;
  const seq = layout.seq === undefined ? null : infos.u64(layout.seq);
  // Sequence numbers and ids are counted together from slot 0 on (prb_reserve): else it is overwritten.
  if (seq !== null && Number(seq & (ring.count - 1n)) !== slot) return UNREADABLE;
  const length = Math.min(infos.u16(layout.textLength), CAPS.logTextBytes);
  const text = readText(ring, { id, begin, next, length });
  if (text === 'lost') return { kind: 'lost', count: 1 };
  if (text === undefined) return UNREADABLE;
  const record = recordOf(infos, layout, text, ring.endian);
  return { kind: 'record', record, seq: seq === null ? null : Number(seq) };
}

const UNREADABLE: LogEntry = { kind: 'unreadable' };

function recordOf(
  info: LogRegion,
  { facility, time, caller, device }: RecordLayout,
  text: Uint8Array,
  endian: Endian,
): LogRecord {
  const { level } = flagsAndLevel(info.u8(facility + 1), endian);
  return {
    timeSeconds: time === undefined ? null : secondsOf(info.u64(time)),
    facility: info.u8(facility),
    level,
    caller: caller === undefined ? null : callerName(info.u32(caller)),
    device: device === undefined ? null : deviceName(info.bytes(device.at, device.length)),
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
 * Reads a text block: the id of its record, then the text. A block that would wrap is at the start of the ring.
 *
 * @returns undefined if the block is not in the dump, or belongs to another record.
 */
function readText(
  { text, textSize, wordBits }: Ring,
  { id, begin, next, length }: Block,
): Uint8Array | 'lost' | undefined {
  if ((begin & NO_TEXT) !== 0n) return begin === EMPTY_LINE ? new Uint8Array() : 'lost';
  const last = BigInt.asUintN(wordBits, next - 1n);
  const wraps = begin / textSize !== last / textSize;
  const blockBytes = wraps ? (last % textSize) + 1n : BigInt.asUintN(wordBits, next - begin);
  const idBytes = wordBits / 8;
  const size = Number(blockBytes) - idBytes;
  if (size < 0 || blockBytes > textSize) return undefined;
  const textBytes = Math.min(length, size);
  if (!text.seek(wraps ? 0 : Number(begin % textSize), idBytes + textBytes)) return undefined;
  return text.word(0) === id ? text.bytes(idBytes, textBytes) : undefined;
}

function readRing({ memory, vmcoreinfo }: Kernel, pages: LogMemory): Ring {
  const { wordBits, endian } = memory.order;
  const pointer = vmcoreinfo.symbol('prb');
  if (pointer === undefined) throw new Corrupt('corrupt', 'vmcoreinfo', 'want SYMBOL(prb)');
  const prb = virtAddr(memory.cursor(pointer, wordBits / 8, 'prb').word());
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
    descriptors: new LogRegion(pages, virtAddr(desc('descs').word())),
    infos: new LogRegion(pages, virtAddr(desc('infos').word())),
    headId: desc('head_id').word(),
    tailId: desc('tail_id').word(),
    text: new LogRegion(pages, virtAddr(data('data').word())),
    textSize: 1n << sizeBits,
    fail: fail === undefined ? 0 : Number(c.seek(fail).word()),
    wordBits,
    idBits: wordBits - 2,
    endian,
  };
}

/** @throws Corrupt if VMCOREINFO lacks a key, or a member is not within its struct. */
function recordLayout(info: Vmcoreinfo, { wordBits }: Ring): RecordLayout {
  const size = (name: string): number => neededKey(info.size(name), `SIZE(${name})`);
  const [descriptorSize, infoSize] = [size('prb_desc'), size('printk_info')];
  const needed = (member: string): number => neededKey(info.offset(member), `OFFSET(${member})`);
  const within = (struct: number, at: number, length: number): number => {
    if (at + length <= struct) return at;
    throw new Corrupt('corrupt', 'vmcoreinfo', `got ${at + length} of ${struct} bytes of a struct`);
  };
  const optional = (member: string, length: number): number | undefined => {
    const at = optionalOffset(info, `printk_info.${member}`);
    return at === undefined ? undefined : within(infoSize, at, length);
  };
  const wordBytes = wordBits / 8;
  const positions = needed('prb_desc.text_blk_lpos');
  const textLength = needed('printk_info.text_len');
  const facility = textLength + FACILITY_AFTER_TEXT_LENGTH;
  const devInfo = optionalOffset(info, 'printk_info.dev_info');
  const deviceAt = optionalOffset(info, 'dev_printk_info.device');
  const length = info.length('printk_info_device');
  const known = devInfo !== undefined && deviceAt !== undefined && length !== undefined;
  return {
    descriptorSize,
    state: within(descriptorSize, needed('prb_desc.state_var'), wordBytes),
    begin: within(descriptorSize, positions, wordBytes),
    next: within(descriptorSize, positions + wordBytes, wordBytes),
    infoSize,
    textLength,
    facility: within(infoSize, facility, 2),
    seq: optional('seq', 8),
    time: optional('ts_nsec', 8),
    caller: optional('caller_id', 4),
    device: known ? { at: within(infoSize, devInfo + deviceAt, length), length } : undefined,
  };
}

function bits(value: number, max: number, name: string): bigint {
  if (value >= 1 && value <= max) return BigInt(value);
  throw new Corrupt('corrupt', `printk_ringbuffer: ${name}`, `got ${value}, want 1..${max}`);
}
