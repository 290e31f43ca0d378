// Zstandard (RFC 8878), one frame a page, by Node itself.

import { constants, zstdDecompressSync } from 'node:zlib';

import { BEYOND_PAGE } from './zlib.ts';

/** A frame may ask for a window of 2 GiB; RFC 8878 recommends that readers accept 8 MiB. */
const MAX_WINDOW_LOG = 23;

/** @throws Error when the frame is broken, expands past `size` bytes or needs more than 8 MiB for it. */
export function decompressZstd(input: Uint8Array, size: number): Uint8Array {
  const { buffer, byteOffset, length } = zstdDecompressSync(input, {
    maxOutputLength: size,
    chunkSize: size + BEYOND_PAGE,
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  return new Uint8Array(buffer, byteOffset, length); // no Buffer: its slice() is no copy
}
