// Snappy blocks (google/snappy format_description.txt), one per page, by hysnappy: WebAssembly, compiled when
// it is first used.

import { snappyUncompressor } from 'hysnappy';

let uncompress: ReturnType<typeof snappyUncompressor> | undefined;

/**
 * @returns the decompressed block.
 * @throws Error if it is broken, or if its own length is not `size`.
 */
export function decompressSnappy(input: Uint8Array, size: number): Uint8Array {
  const length = statedLength(input);
  if (length !== size) throw new Error(`states ${length} bytes, want ${size}`);
  uncompress ??= snappyUncompressor();
  return uncompress(input, size);
}

/** Reads the length at the start of a block: a varint of at most five bytes. */
function statedLength(input: Uint8Array): number {
  let length = 0;
  for (let i = 0; i < Math.min(5, input.length); i++) {
    length += (input[i]! & 0x7f) * 2 ** (7 * i);
    if (input[i]! < 0x80) return length;
  }
  return NaN;
}
