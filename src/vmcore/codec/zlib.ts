// zlib streams (RFC 1950), one a page. The decoder's only use of a built-in module besides zstd.

import { inflateSync } from 'node:zlib';

/** @throws Error when the stream is broken or expands past `size` bytes. */
export function inflate(input: Uint8Array, size: number): Uint8Array {
  const { buffer, byteOffset, length } = inflateSync(input, { maxOutputLength: size });
  return new Uint8Array(buffer, byteOffset, length); // no Buffer: its slice() is no copy
}
