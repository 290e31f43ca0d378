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

/** Zeros in a row that a page of `size` bytes may have in what is stored, where they end at `end` of that. */
type MostZeros = (size: number, end: number) => number;

interface PageCodec {
  readonly flag: number;
  readonly compression: PageCompression;
  /** @returns at most `size` bytes. @throws anything when the input is broken. */
  readonly decompress: (input: Uint8Array, size: number) => Uint8Array;
  /** The first PAGE_HEAD_BYTES of a page, or more, where that is cheaper than all of it. */
  readonly head?: (input: Uint8Array, size: number) => Uint8Array;
  /** As mostZeros(), of a page that came out whole; undefined where it has a checksum, which a hole breaks. */
  readonly mostZeros?: MostZeros;
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
    mostZeros: mostZerosAt(32),
  },
  {
    flag: 0x04,
    compression: 'snappy',
    decompress: decompressSnappy,
    mostZeros: mostZerosAt(32),
  },
  { flag: 0x20, compression: 'zstd', decompress: decompressZstd, mostZeros: mostZerosAt(128) },
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
  let page: Uint8Array | undefined;
  let cause: unknown;
  try {
    page = codec.decompress(stored, size);
  } catch (error) {
    cause = error;
  }
  const most = page?.length === size ? codec.mostZeros : mostZeros;
  if (most !== undefined && hasZeros(stored, size, most)) {
    const detail = `got zeros that ${codec.compression} does not write, as where it was never written`;
    throw new PageMissing('page_lost', at, detail);
  }
  if (page === undefined) {
    throw new Corrupt('corrupt', at, `got a broken ${codec.compression} page`, { cause });
  }
  return exactly(page, size, at);
}

/**
 * LZO has a zero for each 255 bytes of a run, and 20 in a row were the most in 21,500 real pages of 4 KiB. What has
 * more has a hole.
 */
function mostZeros(size: number): number {
  return 16 + Math.ceil(size / 255);
}

/**
 * For an encoder that looks at every byte only while it finds something to copy: then at every second one, and so
 * on, one byte further for so many that it passed over. Zeros that it missed are stored as they are.
 * Source: liblzo2 lzo1x_1, snappy's CompressFragment, zstd's ZSTD_compressBlock_fast.
 */
function mostZerosAt(passedOver: number): MostZeros {
  return (size, end) => mostZeros(size) + 2 * (2 + Math.ceil(end / passedOver));
}

function hasZeros(bytes: Uint8Array, size: number, most: MostZeros): boolean {
  const least = mostZeros(size) + 1;
  for (let last = least - 1; last < bytes.length; last += least) {
    if (bytes[last] !== 0) continue;
    let [start, end] = [last, last + 1];
    while (start > 0 && bytes[start - 1] === 0) start--;
    while (end < bytes.length && bytes[end] === 0) end++;
    if (end - start > most(size, end)) return true;
    last = end - 1;
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

function exactly(page: Uint8Array, size: number, at: string): Uint8Array {
  if (page.length !== size) {
    throw new Corrupt('corrupt', at, `got a page of ${page.length} bytes, want ${size}`);
  }
  return page;
}
