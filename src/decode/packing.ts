// Detects whether a complete dump was compressed after it was written, and how.

export type Packing = 'gzip' | 'xz' | 'zstd';

const MAGICS: Readonly<Record<Packing, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/** Returns the format by the first 6 bytes or more; undefined if it is none of these. */
export function packingOf(head: Uint8Array): Packing | undefined {
  return (['gzip', 'xz', 'zstd'] as const).find((name) =>
    MAGICS[name].every((byte, i) => head[i] === byte),
  );
}
