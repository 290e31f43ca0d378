// The bitmap of dumped pages. There is one descriptor per set bit, in order, so the index of a page's
// descriptor is the number of set bits before its own. The bitmap is read only up to the highest page
// requested, and each part once: 32 MiB describe 1 TiB of memory.

import type { ByteSource, FileRange } from '../bytes/source.ts';

/** Bytes counted together: 128 MiB of memory in 4 KiB pages. */
const BLOCK = 4096;
/** Bytes per read while counting up to a distant page. */
const READ = 64 * BLOCK;

/**
 * Tells which page frames were dumped, and how many before each. Bits outside the range or past the end of
 * the file are clear.
 */
export class KdumpBitmap {
  readonly #source: ByteSource;
  readonly #range: FileRange;
  /** Set bits before block i; extended on demand. */
  readonly #rankAtBlock: number[] = [0];
  /** The last block used, filled with zeros past the end of the file, and its index. */
  readonly #block = new Uint8Array(BLOCK);
  #blockIndex = -1;
  /** Buffer for counting. */
  #buffer: Uint8Array | undefined;
  /** Set bits before each 32-bit word of #block. */
  readonly #rankAtWord = new Uint16Array(BLOCK / 4);

  constructor(source: ByteSource, range: FileRange) {
    this.#source = source;
    this.#range = range;
  }

  /** Whether the page's bit is set: bit n is byte n>>3, mask 1<<(n&7), in either byte order. */
  has(pfn: number): boolean {
    const byte = Math.floor(pfn / 8);
    if (byte >= this.#range.length) return false;
    const bits = this.#load(Math.floor(byte / BLOCK))[byte % BLOCK] ?? 0;
    return (bits & (1 << (pfn % 8))) !== 0;
  }

  /** Whether the byte with the page's bit is in the file. */
  isInFile(pfn: number): boolean {
    return this.#source.contains(this.#range.offset + Math.floor(pfn / 8), 1);
  }

  /** Returns the number of set bits before `pfn`. */
  rank(pfn: number): number {
    const byte = Math.min(Math.floor(pfn / 8), this.#range.length);
    const block = Math.floor(byte / BLOCK);
    this.#countTo(block);
    const before = this.#rankAtBlock[block] ?? 0;
    if (byte === this.#range.length && byte % BLOCK === 0) return before;
    const bytes = this.#load(block);
    const end = byte % BLOCK;
    let count = before + (this.#rankAtWord[end >>> 2] ?? 0);
    for (let at = end & ~3; at < end; at++) count += bitsIn(bytes[at] ?? 0);
    if (byte === this.#range.length) return count;
    return count + bitsIn((bytes[end] ?? 0) & ((1 << (pfn % 8)) - 1));
  }

  /** Iterates over the page frame numbers of set bits in `[from, to)`, ascending. */
  *set(from: number, to: number): Generator<number> {
    const end = Math.min(Math.ceil(to / 8), this.#range.length);
    const first = Math.floor(from / 8);
    for (let start = first - (first % READ); start < end; start += READ) {
      const length = Math.min(READ, end - start);
      if (this.#isBlank(start, length)) continue;
      const chunk = this.#read(start, length);
      for (let at = nextSet(chunk, 0); at < chunk.length; at = nextSet(chunk, at + 1)) {
        const byte = start + at;
        for (let bits = chunk[at] ?? 0, pfn = 8 * byte; bits !== 0; bits >>= 1, pfn++) {
          if ((bits & 1) !== 0 && pfn >= from && pfn < to) yield pfn;
        }
      }
    }
  }

  /** Whether no bit is set there, determined by counting, whose results are kept. */
  #isBlank(start: number, length: number): boolean {
    const after = Math.ceil((start + length) / BLOCK);
    this.#countTo(after);
    return this.#rankAtBlock[after] === this.#rankAtBlock[start / BLOCK];
  }

  #countTo(block: number): void {
    while (this.#rankAtBlock.length <= block) {
      const start = (this.#rankAtBlock.length - 1) * BLOCK;
      const length = Math.min(READ, block * BLOCK - start);
      const bytes = this.#read(start, length, (this.#buffer ??= new Uint8Array(READ)));
      for (let at = 0; at < length; at += BLOCK) {
        const before = this.#rankAtBlock[this.#rankAtBlock.length - 1] ?? 0;
        this.#rankAtBlock.push(before + countBits(bytes.subarray(at, at + BLOCK)));
      }
    }
  }

  #load(block: number): Uint8Array {
    if (this.#blockIndex !== block) {
      const bytes = this.#read(block * BLOCK, BLOCK);
      this.#block.set(bytes);
      this.#block.fill(0, bytes.length);
      this.#blockIndex = block;
      const words = new Int32Array(this.#block.buffer);
      for (let i = 0, count = 0; i < words.length; i++) {
        this.#rankAtWord[i] = count;
        count += bitsIn(words[i] ?? 0);
      }
    }
    return this.#block;
  }

  #read(start: number, length: number, into?: Uint8Array): Uint8Array {
    const offset = this.#range.offset + start;
    const inside = Math.min(length, this.#range.length - start, this.#source.size - offset);
    return inside > 0 ? this.#source.read(offset, inside, into) : new Uint8Array(0);
  }
}

/** Returns the index of the first nonzero byte from `from` on; the length if there is none. */
function nextSet(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] === 0) {
    at++;
    if (at % 4 === 0 && bytes.byteOffset % 4 === 0) at += blankLength(bytes, at);
  }
  return at;
}

/** Returns the number of zeros from a multiple of 4 on, rounded down to a multiple of 4. */
function blankLength(bytes: Uint8Array, from: number): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + from, (bytes.length - from) >>> 2);
  let i = 0;
  while (i < words.length && words[i] === 0) i++;
  return 4 * i;
}

/** Counts set bits, four bytes at a time in 32-bit integers (Hacker's Delight 5-1). */
export function countBits(bytes: Uint8Array): number {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
  let count = 0;
  // eslint-disable-next-line @typescript-eslint/prefer-for-of -- its iterator takes four times as long
  for (let i = 0; i < words.length; i++) {
    count += bitsIn(words[i] ?? 0);
  }
  for (const byte of aligned.subarray(words.length * 4)) count += bitsIn(byte);
  return count;
}

/** Counts the set bits of a 32-bit integer. */
function bitsIn(integer: number): number {
  if (integer === 0) return 0; // the usual case in a filtered dump
  let word = (integer - ((integer >>> 1) & 0x55555555)) | 0;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
