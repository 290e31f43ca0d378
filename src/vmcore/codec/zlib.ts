// zlib streams (RFC 1950), one a page, by Node itself.

import { constants, inflateSync } from 'node:zlib';

/**
 * Bytes of output beyond a page: Node takes buffers of 16 KiB unless told otherwise, and begins another
 * one when the first is full.
 */
export const BEYOND_PAGE = 64;

/** @throws Error when the stream is broken or expands past `size` bytes. */
export function inflate(input: Uint8Array, size: number): Uint8Array {
  return plain(inflateSync(input, { maxOutputLength: size, chunkSize: size + BEYOND_PAGE }));
}

/** Compressed bytes that hold the code tables of a page and the first few dozen bytes of it. */
const HEAD_INPUT = 256;

/** What they mostly hold: Node would take 16 KiB. */
const HEAD_OUTPUT = 1024;

/** The first bytes of a page, without the rest of it. @throws Error when the stream is broken. */
export function inflateHead(input: Uint8Array, size: number): Uint8Array {
  const finishFlush = constants.Z_SYNC_FLUSH;
  const options = { finishFlush, maxOutputLength: size, chunkSize: HEAD_OUTPUT };
  return plain(inflateSync(input.subarray(0, HEAD_INPUT), options));
}

/** No Buffer: its slice() is no copy. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
