// Whether a whole dump was packed after it was made, and how.

export type Packing = 'gzip' | 'xz' | 'zstd';

const MAGICS: Readonly<Record<Packing, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/** How a file is packed, by its first 6 bytes or more; undefined when it is not, or not in a way read here. */
export function packingOf(head: Uint8Array): Packing | undefined {
  return (['gzip', 'xz', 'zstd'] as const).find((name) =>
    MAGICS[name].every((byte, i) => head[i] === byte),
  );
}
