// Writing bytes for tests: numbers in any byte order and word size, text, and hexadecimal.

import type { ByteOrder } from '../../../src/vmcore/bytes/cursor.ts';

export const LE64: ByteOrder = { endian: 'little', wordBits: 64 };
export const BE64: ByteOrder = { endian: 'big', wordBits: 64 };
export const LE32: ByteOrder = { endian: 'little', wordBits: 32 };
export const BE32: ByteOrder = { endian: 'big', wordBits: 32 };

/** Every way in which a machine may write its numbers. */
export const BYTE_ORDERS: readonly ByteOrder[] = [LE64, BE64, LE32, BE32];

export function orderName({ endian, wordBits }: ByteOrder): string {
  return `${wordBits}-bit ${endian}-endian`;
}

/** Bytes that grow as they are written, one field after the other. */
export class ByteWriter {
  readonly #order: ByteOrder;
  #bytes = new Uint8Array(256);
  #length = 0;

  constructor(order: ByteOrder = LE64) {
    this.#order = order;
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    return this.#put(1, (view, at) => {
      view.setUint8(at, value);
    });
  }

  u16(value: number): this {
    return this.#put(2, (view, at, little) => {
      view.setUint16(at, value, little);
    });
  }

  u32(value: number): this {
    return this.#put(4, (view, at, little) => {
      view.setUint32(at, value, little);
    });
  }

  u64(value: number | bigint): this {
    return this.#put(8, (view, at, little) => {
      view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), little);
    });
  }

  /** `unsigned long`: 4 or 8 bytes. */
  word(value: number | bigint): this {
    if (this.#order.wordBits === 64) return this.u64(value);
    return this.u32(Number(BigInt.asUintN(32, BigInt(value))));
  }

  bytes(bytes: Uint8Array): this {
    const start = this.#length;
    this.#grow(bytes.length);
    this.#bytes.set(bytes, start);
    return this;
  }

  /** Text in a field of `width` bytes, the rest zeros. */
  text(text: string, width: number = text.length): this {
    return this.bytes(bytesOf(text)).zeros(width - text.length);
  }

  zeros(count: number): this {
    this.#grow(count);
    return this;
  }

  /** Zeros up to a multiple of `alignment`. */
  align(alignment: number): this {
    return this.zeros((alignment - (this.#length % alignment)) % alignment);
  }

  /** Zeros up to `position`, which must not lie behind. */
  padTo(position: number): this {
    if (position < this.#length) throw new Error(`at ${this.#length}, cannot pad to ${position}`);
    return this.zeros(position - this.#length);
  }

  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #put(size: number, put: (view: DataView, at: number, little: boolean) => void): this {
    const at = this.#length;
    this.#grow(size);
    put(new DataView(this.#bytes.buffer), at, this.#order.endian === 'little');
    return this;
  }

  #grow(count: number): void {
    const length = this.#length + count;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#length = length;
  }
}

/** Latin-1 text as bytes, so that `\xff` is one byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes as Latin-1 text: compared as quickly as strings, where toEqual would look at each number. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Bytes from hexadecimal; blanks are for the reader. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hexadecimal: ${hex}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return parts.reduce((writer, part) => writer.bytes(part), new ByteWriter()).toBytes();
}

/** A copy of `bytes` with `replacement` written over it at `offset`. */
export function patched(bytes: Uint8Array, offset: number, replacement: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(replacement, offset);
  return copy;
}

/** A copy with one 32-bit number changed. */
export function withU32(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  return patched(bytes, offset, new ByteWriter().u32(value).toBytes());
}

/** What no encoder makes shorter. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** `size` bytes that differ from one `seed` to the next and do not compress to nothing. */
export function patternPage(seed: number, size = 4096): Uint8Array {
  const text = bytesOf(`page ${seed} `);
  const page = new Uint8Array(size);
  for (let i = 0; i < size / 2; i++)
    page[i] = (text[i % text.length] ?? 0) + (i % 251 === 0 ? 1 : 0);
  return page;
}
