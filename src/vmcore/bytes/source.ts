// Byte sources: all I/O of the decoder. The caller provides a file, a buffer, or anything else that
// implements this interface synchronously.

import { Corrupt } from '../errors.ts';
import { hex } from './units.ts';

/** A byte range of a source. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** Bytes readable at any offset: a file, a buffer, or a file derived from another one. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /**
   * Returns exactly `length` bytes at `offset`, which must not be modified.
   *
   * @param into buffer that may receive the bytes, for callers that read much and keep none of it: allocating
   *   takes longer than reading.
   * @throws Corrupt (`truncated`) if the range ends after `size`.
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
  /**
   * Whether every byte of the range was written. False past the end, and in holes that no record of a flattened
   * stream filled: these read as zeros, but the file does not contain them.
   */
  contains(offset: number, length: number): boolean;
  /** Returns the file, and its ranges, that contain a range; undefined if the source is the file itself. */
  readonly origin?: (offset: number, length: number) => Origin;
}

/** Where bytes of a derived source are stored. */
interface Origin {
  readonly file: ByteSource;
  readonly pieces: readonly FileRange[];
}

/** Returns a source over bytes in memory. */
export function bytesSource(bytes: Uint8Array, name = 'file'): ByteSource {
  return {
    size: bytes.length,
    read(offset, length): Uint8Array {
      requireRange(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    contains: (offset, length) => inRange(bytes.length, offset, length),
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
