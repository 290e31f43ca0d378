// Zstandard (RFC 8878), one frame a page: by Node itself since 22.15, before that by zstddec. That is
// WebAssembly, which is compiled asynchronously and brings Node's HTTP client with it, some 30 ms: it
// is loaded for the first page that needs it, by whoever can wait.

import zlib from 'node:zlib';

type Decompress = (input: Uint8Array, size: number) => Uint8Array;

/** zlib of Node 22.15 and later; the types are those of the oldest Node supported. */
const { zstdDecompressSync } = zlib as {
  zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
};

/** A page that could not be read yet: to await loadZstd() and decode again is all it takes. */
export class ZstdNotLoaded extends Error {
  constructor() {
    super('zstd is not loaded');
  }
}

let decompress = zstdDecompressSync && byNode(zstdDecompressSync);

/**
 * @returns at most `size` bytes; none, or an Error, when the frame is broken or expands past `size`.
 * @throws ZstdNotLoaded before loadZstd(), where Node has no zstd.
 */
export function decompressZstd(input: Uint8Array, size: number): Uint8Array {
  if (decompress === undefined) throw new ZstdNotLoaded();
  return decompress(input, size);
}

/** Makes decompressZstd() ready, for good. */
export async function loadZstd(): Promise<void> {
  decompress ??= await byWebAssembly();
}

function byNode(decompressSync: NonNullable<typeof zstdDecompressSync>): Decompress {
  return (input, size) => {
    const { buffer, byteOffset, length } = decompressSync(input, { maxOutputLength: size });
    return new Uint8Array(buffer, byteOffset, length); // no Buffer: its slice() is no copy
  };
}

async function byWebAssembly(): Promise<Decompress> {
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (input, size) => decoder.decode(input, size);
}
