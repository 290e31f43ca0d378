// The record buffer that preceded the ring: consecutive records, each with its length, from log_first_idx to
// log_next_idx, wrapping at the end of the buffer.
// Source: kernel/printk.c and kernel/printk/printk.c, 7ff9554bb578 ("printk: convert byte-buffer to
// variable-length record buffer") (in v3.5), until v5.9; VMCOREINFO has its members since v3.6
// (log_buf_kexec_setup). The struct was named `log` before 62e32ac3505a ("printk: rename struct log to struct
// printk_log") (in v3.11). Not supported: the form of v3.5, with facility and level in one u16, and the byte
// buffer before it.

import { CAPS } from '../limits.ts';
import { type VirtAddr, addVirt, virtAddr } from '../bytes/units.ts';
import type { Vmcoreinfo } from '../container/vmcoreinfo.ts';
import { Corrupt } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import { neededKey, optionalOffset } from './keys.ts';
import { type HeaderLengths, recordPlaces } from './legacy-places.ts';
import type { LogMemory } from './log-memory.ts';
import { callerName, flagsAndLevel, secondsOf } from './record-text.ts';

/** Facility, then the byte of flags and level, follow dict_len, whose offset VMCOREINFO has. */
const FACILITY_AFTER_DICT_LENGTH = 2;

/** A struct printk_log, with its offset in the buffer. */
export interface Header {
  readonly at: number;
  readonly textLength: number;
  readonly dictLength: number;
  readonly facility: number;
  readonly flags: number;
  readonly level: number;
  readonly timeSeconds: number;
  readonly caller: string | null;
}

interface Layout extends HeaderLengths {
  readonly time: number;
  readonly caller: number | undefined;
}

/** The variables that describe the buffer. */
interface Extent {
  readonly buffer: VirtAddr;
  readonly length: number;
  readonly first: number;
  readonly next: number;
}

/** Consecutive records: all of them, or those on one side of the wrap. */
interface Run {
  readonly start: number;
  readonly end: number;
  readonly wraps: boolean;
}

/** Whether the log is a record buffer; SYMBOL(log_buf) alone is the byte buffer. */
export function hasLegacyLog(info: Vmcoreinfo): boolean {
  return info.symbol('log_buf') !== undefined && structName(info) !== undefined;
}

/** The buffer of a kernel; its variables are read at once, its records on demand. */
export class LegacyBuffer {
  readonly #pages: LogMemory;
  readonly #layout: Layout;
  readonly #extent: Extent;

  /**
   * @throws Corrupt if VMCOREINFO lacks a key or the buffer is inconsistent, PageMissing if the variables are
   *   not in the dump.
   */
  constructor({ memory, vmcoreinfo }: Kernel, pages: LogMemory) {
    this.#pages = pages;
    this.#layout = layoutOf(vmcoreinfo);
    const u32 = (name: string, max: number): number => {
      const value = memory.cursor(symbolOf(vmcoreinfo, name), 4, name).u32();
      if (value <= max) return value;
      throw new Corrupt('corrupt', name, `got ${value}, want at most ${max}`);
    };
    const pointer = symbolOf(vmcoreinfo, 'log_buf');
    const buffer = memory.cursor(pointer, memory.order.wordBits / 8, 'log_buf').word();
    const length = u32('log_buf_len', 2 ** CAPS.printkTextBits);
    const [first, next] = [u32('log_first_idx', length), u32('log_next_idx', length)];
    this.#extent = { buffer: virtAddr(buffer), length, first, next };
  }

  /** Iterates over all records, newest first; `gap` stands for one or more that could not be read. */
  *newestHeaders(): Generator<Header | 'gap' | 'truncated'> {
    for (const run of this.#newestRuns()) {
      const start = Math.max(run.start, run.end - this.#pages.readableBytes);
      for (const place of this.#placesIn(run, start).reverse()) {
        yield place === 'gap' ? place : this.#headerAt(start + place);
      }
      if (start === run.start) continue;
      yield 'truncated';
      return;
    }
  }

  /** @returns undefined unless all of it is in the dump. */
  textOf({ at, textLength }: Header): Uint8Array | undefined {
    return this.#read(at + this.#layout.size, Math.min(textLength, CAPS.logTextBytes));
  }

  /** Returns the dictionary of a record; empty unless all of it is in the dump. */
  dictOf({ at, textLength, dictLength }: Header): Uint8Array {
    return this.#read(at + this.#layout.size + textLength, dictLength) ?? new Uint8Array();
  }

  #newestRuns(): Run[] {
    const { length, first, next } = this.#extent;
    if (first <= next) return [{ start: first, end: next, wraps: false }];
    return [
      { start: 0, end: next, wraps: false },
      { start: first, end: length, wraps: true },
    ];
  }

  /** Returns offsets relative to `start`, which is at or after the start of the run, to limit the bytes read. */
  #placesIn(run: Run, start: number): (number | 'gap')[] {
    const { buffer } = this.#extent;
    const bytes = this.#pages.readOrZeros(addVirt(buffer, start), run.end - start);
    const wrapsFrom = run.wraps ? this.#firstWrap() - start : undefined;
    const piece = { bytes, startsRecord: start === run.start, wrapsFrom };
    return recordPlaces(piece, this.#layout, this.#pages.order);
  }

  /**
   * Returns the lowest offset of a wrap: earlier, the record at the start of the buffer and an empty header
   * would have fit.
   */
  #firstWrap(): number {
    const { size, length } = this.#layout;
    const header = this.#pages.cursor(this.#extent.buffer, size, 'printk_log');
    return header === undefined ? 0 : this.#extent.length - size - header.seek(length).u16();
  }

  #headerAt(at: number): Header | 'gap' {
    const { size, time, textLength, dictLength, caller } = this.#layout;
    const c = this.#pages.cursor(addVirt(this.#extent.buffer, at), size, 'printk_log');
    if (c === undefined) return 'gap';
    return {
      at,
      timeSeconds: secondsOf(c.seek(time).u64()),
      textLength: c.seek(textLength).u16(),
      dictLength: c.seek(dictLength).u16(),
      facility: c.seek(dictLength + FACILITY_AFTER_DICT_LENGTH).u8(),
      ...flagsAndLevel(c.u8(), this.#pages.order.endian),
      caller: caller === undefined ? null : callerName(c.seek(caller).u32()),
    };
  }

  #read(at: number, length: number): Uint8Array | undefined {
    return this.#pages.read(addVirt(this.#extent.buffer, at), length);
  }
}

function structName(info: Vmcoreinfo): 'printk_log' | 'log' | undefined {
  return (['printk_log', 'log'] as const).find((name) => info.size(name) !== undefined);
}

function symbolOf(info: Vmcoreinfo, name: string): VirtAddr {
  const address = info.symbol(name);
  if (address !== undefined) return address;
  throw new Corrupt('corrupt', 'vmcoreinfo', `want SYMBOL(${name})`);
}

function layoutOf(info: Vmcoreinfo): Layout {
  const struct = structName(info) ?? 'printk_log';
  const offset = (member: string): number =>
    neededKey(info.offset(`${struct}.${member}`), `OFFSET(${struct}.${member})`);
  const textLength = offset('text_len');
  return {
    size: neededKey(info.size(struct), `SIZE(${struct})`),
    time: offset('ts_nsec'),
    length: offset('len'),
    textLength,
    dictLength: optionalOffset(info, `${struct}.dict_len`) ?? textLength + 2,
    caller: optionalOffset(info, `${struct}.caller_id`),
  };
}
