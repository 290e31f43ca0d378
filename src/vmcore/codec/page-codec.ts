// How a page of a kdump-compressed file is compressed: by the flag bit in its own descriptor, for a
// page that does not shrink is stored as it is, in whatever dump.
// Source: makedumpfile diskdump_mod.h DUMP_DH_COMPRESSED_*; header.status has the same bits.

import { Corrupt, PageMissing } from '../errors.ts';
import { hex } from '../bytes/units.ts';
import { decompressLzo1x } from './lzo1x.ts';
import { decompressSnappy } from './snappy.ts';
import { inflate, inflateHead } from './zlib.ts';
import { decompressZstd } from './zstd.ts';

export type PageCompression = 'zlib' | 'lzo' | 'snappy' | 'zstd';

interface PageCodec {
  readonly flag: number;
  readonly compression: PageCompression;
  /** @returns at most `size` bytes. @throws anything when the input is broken. */
  readonly decompress: (input: Uint8Array, size: number) => Uint8Array;
  /** The first PAGE_HEAD_BYTES of a page, or more, where that is cheaper than all of it. */
  readonly head?: (input: Uint8Array, size: number) => Uint8Array;
}

/** Bytes of a page that a search looks at. */
export const PAGE_HEAD_BYTES = 40;

const CODECS: readonly PageCodec[] = [
  { flag: 0x01, compression: 'zlib', decompress: inflate, head: inflateHead },
  {
    flag: 0x02,
    compression: 'lzo',
    decompress: decompressLzo1x,
    head: (input, size) => decompressLzo1x(input, size, PAGE_HEAD_BYTES),
  },
  { flag: 0x04, compression: 'snappy', decompress: decompressSnappy },
  { flag: 0x20, compression: 'zstd', decompress: decompressZstd },
];

/** The compressions named by the bits of a descriptor's flags or of header.status. */
export function compressionsOf(flags: number): PageCompression[] {
  return CODECS.filter((codec) => (flags & codec.flag) !== 0).map((codec) => codec.compression);
}

/**
 * One page of `size` bytes from its stored form.
 *
 * @param at the place, for errors.
 * @throws Corrupt when the result is not exactly `size` bytes, or no single codec is named.
 * @throws PageMissing when part of it was never written.
 */
export function decompressPage(
  flags: number,
  stored: Uint8Array,
  size: number,
  at: string,
): Uint8Array {
  if (flags === 0) return exactly(stored, size, at);
  const codec = CODECS.find((candidate) => candidate.flag === flags);
  if (codec === undefined) {
    throw new Corrupt('corrupt', at, `got flags ${hex(flags)}, want one codec bit or none`);
  }
  if (hasZeros(stored, mostZeros(size) + 1)) {
    const detail = `got zeros that ${codec.compression} does not write, as where it was never written`;
    throw new PageMissing('page_lost', at, detail);
  }
  return exactly(decompressed(codec, stored, size, at), size, at);
}

/**
 * Zeros in a row that a page of that size may have once it is compressed: LZO has one for each 255 bytes of a
 * run, and 20 were the most in 21,500 real ones of 4 KiB. What has more has a hole, and all codecs but zlib
 * may make a page of it all the same.
 */
function mostZeros(size: number): number {
  return 16 + Math.ceil(size / 255);
}

function hasZeros(bytes: Uint8Array, count: number): boolean {
  for (let last = count - 1; last < bytes.length;) {
    let zeros = 0;
    while (zeros < count && bytes[last - zeros] === 0) zeros++;
    if (zeros === count) return true;
    last += count - zeros;
  }
  return false;
}

/**
 * The first PAGE_HEAD_BYTES of a page, or more, for less than it takes to decompress all of it.
 *
 * @returns undefined when the codec knows no shorter way, or the page is broken.
 */
export function pageHead(flags: number, stored: Uint8Array, size: number): Uint8Array | undefined {
  if (flags === 0) return stored;
  const codec = CODECS.find((candidate) => candidate.flag === flags);
  try {
    return codec?.head?.(stored, size);
  } catch {
    return undefined;
  }
}

function decompressed(codec: PageCodec, stored: Uint8Array, size: number, at: string): Uint8Array {
  try {
    return codec.decompress(stored, size);
  } catch (cause) {
    throw new Corrupt('corrupt', at, `got a broken ${codec.compression} page`, { cause });
  }
}

function exactly(page: Uint8Array, size: number, at: string): Uint8Array {
  if (page.length !== size) {
    throw new Corrupt('corrupt', at, `got a page of ${page.length} bytes, want ${size}`);
  }
  return page;
}
