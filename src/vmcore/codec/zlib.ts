// zlib streams (RFC 1950), one per page, by Node.

import { constants, inflateSync } from 'node:zlib';

/**
 * Extra bytes of the output buffer beyond a page: Node allocates 16 KiB by default, and another buffer when
 * the first is full.
 */
export const BEYOND_PAGE = 64;

/** @throws Error if the stream is broken or expands past `size` bytes. */
export function inflate(input: Uint8Array, size: number): Uint8Array {
  return plain(inflateSync(input, { maxOutputLength: size, chunkSize: size + BEYOND_PAGE }));
}

/** Enough compressed bytes for the code tables of a page and its first few dozen bytes. */
const HEAD_INPUT = 256;

/** Their usual output, bytes; Node's default buffer is 16 KiB. */
const HEAD_OUTPUT = 1024;

/** Decompresses only the first bytes of a page. @throws Error if the stream is broken. */
export function inflateHead(input: Uint8Array, size: number): Uint8Array {
  const finishFlush = constants.Z_SYNC_FLUSH;
  const options = { finishFlush, maxOutputLength: size, chunkSize: HEAD_OUTPUT };
  return plain(inflateSync(input.subarray(0, HEAD_INPUT), options));
}

/** Converts a Buffer, whose slice() does not copy, to a Uint8Array. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
