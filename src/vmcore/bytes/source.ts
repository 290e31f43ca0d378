// Where bytes come from: the whole I/O contract of the decoder. The caller brings a file, a
// buffer, or anything else that can answer these three questions synchronously.

import { Corrupt } from '../errors.ts';
import { hex } from './units.ts';

/** A range of a source. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** Bytes that can be read at any offset: a file, a buffer, or a file made out of another one. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /**
   * Exactly `length` bytes at `offset`; never to be written to.
   *
   * @param into memory that the bytes may be put in, for who reads much and keeps none of it: new memory
   *   takes longer than the read.
   * @throws Corrupt (`truncated`) when the range ends past `size`.
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
  /**
   * Whether every byte of the range was really written. False past the end, and in the holes that
   * no record of a flattened stream filled: those read as zeros, but the file does not say they are.
   */
  holds(offset: number, length: number): boolean;
  /** The file that a range lies in, and where in it; undefined where the source is the file itself. */
  readonly origin?: (offset: number, length: number) => Origin;
}

/** Where the bytes of a source that is made out of another one come from. */
interface Origin {
  readonly file: ByteSource;
  readonly pieces: readonly FileRange[];
}

/** A source over bytes already in memory. */
export function bytesSource(bytes: Uint8Array, name = 'file'): ByteSource {
  return {
    size: bytes.length,
    read(offset, length): Uint8Array {
      requireRange(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    holds: (offset, length) => inRange(bytes.length, offset, length),
  };
}

/** Whether `[offset, offset + length)` lies inside `[0, size)`. */
export function inRange(size: number, offset: number, length: number): boolean {
  return offset >= 0 && length >= 0 && offset + length <= size;
}

/** @throws Corrupt (`truncated`) unless the range lies inside `[0, size)`. */
export function requireRange(name: string, size: number, offset: number, length: number): void {
  if (!inRange(size, offset, length)) {
    throw new Corrupt(
      'truncated',
      name,
      `want ${length} bytes at ${hex(offset)}, got a file of ${size} bytes`,
    );
  }
}
