// Reads numbers from bytes: bounds-checked, endian-aware, and with the position in every error. The only way
// to do so.

import { Corrupt, LimitExceeded } from '../errors.ts';
import { hex } from './units.ts';

export type Endian = 'little' | 'big';
export type WordBits = 32 | 64;

/** Byte order and word size of the dumped machine. */
export interface ByteOrder {
  readonly endian: Endian;
  /** Width of `unsigned long` and of a pointer. */
  readonly wordBits: WordBits;
}

/**
 * A position in bytes that each read advances. Reads past the end throw Corrupt (`truncated`); seek() and
 * skip() check nothing.
 */
export class Cursor {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #little: boolean;
  readonly #wordBits: WordBits;
  readonly #where: string;
  readonly #base: number;
  #position = 0;

  /** @param base file offset or address of the first byte, used only in messages. */
  constructor(bytes: Uint8Array, order: ByteOrder, where: string, base: number | bigint = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = order.endian === 'little';
    this.#wordBits = order.wordBits;
    this.#where = where;
    this.#base = Number(base);
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  seek(position: number): this {
    this.#position = position;
    return this;
  }

  skip(length: number): this {
    this.#position += length;
    return this;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.#little);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.#little);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), this.#little);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.#little);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), this.#little);
  }

  /** Reads an `unsigned long`: 4 or 8 bytes. */
  word(): bigint {
    return this.#wordBits === 64 ? this.u64() : BigInt(this.u32());
  }

  /** Reads a u64 that is a file offset or a length in bytes. @throws Corrupt from 2^53 on. */
  size64(field: string): number {
    return this.#safe(field, this.u64(), 8);
  }

  /** Reads an `unsigned long` that is a file offset or a length in bytes. @throws Corrupt from 2^53 on. */
  size(field: string): number {
    return this.#safe(field, this.word(), this.#wordBits / 8);
  }

  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Returns an error about the field just read, of `length` bytes. */
  corrupt(field: string, got: string, want: string, length = 0): Corrupt {
    const at = hex(Math.max(0, this.#base + this.#position - length));
    return new Corrupt('corrupt', `${this.#where}: ${field} at ${at}`, `got ${got}, want ${want}`);
  }

  #safe(field: string, value: bigint, length: number): number {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.corrupt(field, hex(value), 'less than 2^53', length);
    }
    return Number(value);
  }

  #take(length: number): number {
    const start = this.#position;
    if (length < 0 || start + length > this.#bytes.length) {
      throw new Corrupt(
        'truncated',
        `${this.#where} at ${hex(this.#base + start)}`,
        `want ${length} bytes, got ${Math.max(0, this.#bytes.length - start)}`,
      );
    }
    this.#position = start + length;
    return start;
  }
}

/** @returns `count` if it is at most `limit`. @throws LimitExceeded with both numbers. */
export function limited(at: string, count: number, limit: number): number {
  if (!(count <= limit)) throw new LimitExceeded(at, `got ${count}, limit ${limit}`);
  return count;
}
