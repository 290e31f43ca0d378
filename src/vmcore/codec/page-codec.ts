// Codecs of the pages of a kdump-compressed file, selected by the flag bit in a page's descriptor, because a
// page that does not shrink is stored uncompressed in any dump.
// Source: makedumpfile diskdump_mod.h DUMP_DH_COMPRESSED_*; header.status has the same bits.

import { Corrupt, PageMissing } from '../errors.ts';
import { hex } from '../bytes/units.ts';
import { decompressLzo1x } from './lzo1x.ts';
import { decompressSnappy } from './snappy.ts';
import { inflate, inflateHead } from './zlib.ts';
import { decompressZstd } from './zstd.ts';

export type PageCompression = 'zlib' | 'lzo' | 'snappy' | 'zstd';

/**
 * Returns the maximum run of zeros in the stored form of a page of `size` bytes, for a run that ends at
 * `end`.
 */
type MaxZeros = (size: number, end: number) => number;

interface PageCodec {
  readonly flag: number;
  readonly compression: PageCompression;
  /** @returns at most `size` bytes. @throws anything if the input is broken. */
  readonly decompress: (input: Uint8Array, size: number) => Uint8Array;
  /** Returns at least the first PAGE_HEAD_BYTES of a page, if that is cheaper than decompressing all of it. */
  readonly head?: (input: Uint8Array, size: number) => Uint8Array;
  /**
   * Like maxZeros(), for a page that decompressed to its full size; undefined with a checksum, which a hole
   * breaks.
   */
  readonly maxZeros?: MaxZeros;
}

/** Number of bytes of a page that a search examines. */
export const PAGE_HEAD_BYTES = 40;

const CODECS: readonly PageCodec[] = [
  { flag: 0x01, compression: 'zlib', decompress: inflate, head: inflateHead },
  {
    flag: 0x02,
    compression: 'lzo',
    decompress: decompressLzo1x,
    head: (input, size) => decompressLzo1x(input, size, PAGE_HEAD_BYTES),
    maxZeros: maxZerosAt(32),
  },
  {
    flag: 0x04,
    compression: 'snappy',
    decompress: decompressSnappy,
    maxZeros: maxZerosAt(32),
  },
  { flag: 0x20, compression: 'zstd', decompress: decompressZstd, maxZeros: maxZerosAt(128) },
];

/** Returns the codecs named by the bits of a descriptor's flags or of header.status. */
export function compressionsOf(flags: number): PageCompression[] {
  return CODECS.filter((codec) => (flags & codec.flag) !== 0).map((codec) => codec.compression);
}

/**
 * Decompresses one page of `size` bytes.
 *
 * @param at the place, for errors.
 * @throws Corrupt if the result is not exactly `size` bytes, or the flags do not name one codec.
 * @throws PageMissing if part of it was never written.
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
  let page: Uint8Array | undefined;
  let cause: unknown;
  try {
    page = codec.decompress(stored, size);
  } catch (error) {
    cause = error;
  }
  const max = page?.length === size ? codec.maxZeros : maxZeros;
  if (max !== undefined && hasZeros(stored, size, max)) {
    const detail = `got zeros that ${codec.compression} does not write, as where it was never written`;
    throw new PageMissing('page_lost', at, detail);
  }
  if (page === undefined) {
    throw new Corrupt('corrupt', at, `got a broken ${codec.compression} page`, { cause });
  }
  return exactly(page, size, at);
}

/**
 * LZO writes a zero for each 255 bytes of a run, and the longest run of zeros in 21,500 real pages of 4 KiB
 * was 20. A longer run is a hole.
 */
function maxZeros(size: number): number {
  return 16 + Math.ceil(size / 255);
}

/**
 * For encoders that skip bytes while they find no match, one byte more after each `skipped` bytes without
 * one. Zeros that they miss are stored literally.
 * Source: liblzo2 lzo1x_1, snappy's CompressFragment, zstd's ZSTD_compressBlock_fast.
 */
function maxZerosAt(skipped: number): MaxZeros {
  return (size, end) => maxZeros(size) + 2 * (2 + Math.ceil(end / skipped));
}

function hasZeros(bytes: Uint8Array, size: number, max: MaxZeros): boolean {
  const least = maxZeros(size) + 1;
  for (let last = least - 1; last < bytes.length; last += least) {
    if (bytes[last] !== 0) continue;
    let [start, end] = [last, last + 1];
    while (start > 0 && bytes[start - 1] === 0) start--;
    while (end < bytes.length && bytes[end] === 0) end++;
    if (end - start > max(size, end)) return true;
    last = end - 1;
  }
  return false;
}

/**
 * Returns at least the first PAGE_HEAD_BYTES of a page, in less time than decompressing all of it.
 *
 * @returns undefined if the codec has no faster way or the page is broken.
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

function exactly(page: Uint8Array, size: number, at: string): Uint8Array {
  if (page.length !== size) {
    throw new Corrupt('corrupt', at, `got a page of ${page.length} bytes, want ${size}`);
  }
  return page;
}
