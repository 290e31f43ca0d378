// Zstandard (RFC 8878), one frame a page: by Node itself since 22.15, before that by zstddec. That is
// ready once this module is: compiling WebAssembly is asynchronous, and costs every start, so it is
// not even imported where Node can do it.

import zlib from 'node:zlib';

type Decompress = (input: Uint8Array, size: number) => Uint8Array;

/** zlib of Node 22.15 and later; the types are those of the oldest Node supported. */
const { zstdDecompressSync } = zlib as {
  zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
};

/** @returns at most `size` bytes; none, or an Error, when the frame is broken or expands past `size`. */
export const decompressZstd: Decompress =
  zstdDecompressSync === undefined ? await byWebAssembly() : byNode(zstdDecompressSync);

function byNode(decompress: NonNullable<typeof zstdDecompressSync>): Decompress {
  return (input, size) => {
    const { buffer, byteOffset, length } = decompress(input, { maxOutputLength: size });
    return new Uint8Array(buffer, byteOffset, length); // no Buffer: its slice() is no copy
  };
}

async function byWebAssembly(): Promise<Decompress> {
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (input, size) => decoder.decode(input, size);
}
