// Zstandard (RFC 8878), one frame a page, by zstddec: Node 20 has no zstd of its own.
// The module is ready once it is imported: compiling its WebAssembly is asynchronous, using it is not.

import { ZSTDDecoder } from 'zstddec';

const decoder = new ZSTDDecoder();
await decoder.init();

/** @returns at most `size` bytes; none when the frame is broken or expands past `size`. */
export function decompressZstd(input: Uint8Array, size: number): Uint8Array {
  return decoder.decode(input, size);
}
