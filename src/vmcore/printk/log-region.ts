// An area of memory with a log or a ring of its parts, viewed one record at a time. A log has hundreds of
// records, each read once, so the view is moved rather than created anew.

import { type VirtAddr, addVirt } from '../bytes/units.ts';
import { type LogMemory, PAGE } from './log-memory.ts';

/** A view of memory from `base` on: seek() moves it, numbers are read at offsets relative to it. */
export class LogRegion {
  readonly #pages: LogMemory;
  readonly #base: VirtAddr;
  readonly #little: boolean;
  readonly #isWide: boolean;
  /** Offset of `base` in its page. */
  readonly #within: number;
  /** The current page, numbered from that of `base`. */
  #page = -1;
  #bytes: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Offset in #view of the bytes that seek() selected. */
  #start = 0;

  constructor(pages: LogMemory, base: VirtAddr) {
    this.#pages = pages;
    this.#base = base;
    this.#little = pages.order.endian === 'little';
    this.#isWide = pages.order.wordBits === 64;
    this.#within = Number(base & BigInt(PAGE - 1));
  }

  /**
   * Moves the view to `length` bytes at `offset`.
   *
   * @returns false unless all of them are in the dump and within the limit.
   */
  seek(offset: number, length: number): boolean {
    const from = this.#within + offset;
    const page = Math.floor(from / PAGE);
    const start = from - page * PAGE;
    if (start + length > PAGE) {
      this.#page = -1;
      this.#look(this.#pages.read(addVirt(this.#base, offset), length));
      this.#start = 0;
    } else {
      if (page !== this.#page) {
        this.#page = page;
        this.#look(this.#pages.page(addVirt(this.#base, page * PAGE - this.#within)));
      }
      this.#start = start;
    }
    return this.#bytes !== undefined;
  }

  /** @param at offset from the position of seek(), within the length that was given to it. */
  u8(at: number): number {
    return this.#view.getUint8(this.#start + at);
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#start + at, this.#little);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#start + at, this.#little);
  }

  u64(at: number): bigint {
    return this.#view.getBigUint64(this.#start + at, this.#little);
  }

  /** Reads an `unsigned long`: 4 or 8 bytes. */
  word(at: number): bigint {
    return this.#isWide ? this.u64(at) : BigInt(this.u32(at));
  }

  bytes(at: number, length: number): Uint8Array {
    const start = this.#start + at;
    return this.#bytes?.subarray(start, start + length) ?? new Uint8Array();
  }

  #look(bytes: Uint8Array | undefined): void {
    this.#bytes = bytes;
    if (bytes !== undefined) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
  }
}
