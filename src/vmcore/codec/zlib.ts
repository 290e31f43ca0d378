// zlib streams (RFC 1950), one a page. The decoder's only use of a built-in module besides zstd.

import { inflateSync } from 'node:zlib';

/** @throws Error when the stream is broken or expands past `size` bytes. */
export function inflate(input: Uint8Array, size: number): Uint8Array {
  return inflateSync(input, { maxOutputLength: size });
}
