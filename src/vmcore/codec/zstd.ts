// Zstandard (RFC 8878), one frame per page, by Node.

import { constants, zstdDecompressSync } from 'node:zlib';

import { BEYOND_PAGE } from './zlib.ts';

/** log2 of the maximum window. A frame may require 2 GiB; RFC 8878 recommends that readers accept 8 MiB. */
const MAX_WINDOW_LOG = 23;

/** @throws Error if the frame is broken, expands past `size` bytes or needs a window of more than 8 MiB. */
export function decompressZstd(input: Uint8Array, size: number): Uint8Array {
  const { buffer, byteOffset, length } = zstdDecompressSync(input, {
    maxOutputLength: size,
    chunkSize: size + BEYOND_PAGE,
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  return new Uint8Array(buffer, byteOffset, length); // not a Buffer, whose slice() does not copy
}
