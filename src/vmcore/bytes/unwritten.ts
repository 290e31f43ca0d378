// Zeros that were never written. A copy that broke off may have its whole size, for room was set aside for
// it or its holes were never filled: what never arrived reads as zeros, and no header says so.
//
// What the bytes alone show: a whole block of the file is zero, or nothing but zeros
// follows to its end. A hole of less than a block in the middle of a file looks like zeros that were written.

import type { ByteSource, FileRange } from './source.ts';
import { hex } from './units.ts';

/** What file systems set aside, and what of a file is lost at once, bytes. */
const BLOCK = 4096;
/** Zeros that are taken for the end of what was written, bytes. */
const ENDLESS = 16 << 20;
/** Bytes read at once on the way there: few at first, for most zeros soon end. */
const CHUNK = { first: 512, last: 1 << 20 };

/** Why the bytes, as far as they are zeros, may never have been written; undefined: they were. */
export function whyUnwritten(
  source: ByteSource,
  offset: number,
  length: number,
): string | undefined {
  const own = { file: source, pieces: [{ offset, length }] };
  const { file, pieces } = source.origin?.(offset, length) ?? own;
  for (const piece of pieces) {
    const why = blankBlock(file, piece) ?? blankEnd(file, piece);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Whether every byte is 0; true of no bytes at all. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function blankBlock(file: ByteSource, { offset, length }: FileRange): string | undefined {
  const end = offset + length;
  for (let block = offset - (offset % BLOCK); block < end; block += BLOCK) {
    const from = Math.max(offset, block);
    if (!isZero(file.read(from, Math.min(end, block + BLOCK) - from))) continue;
    if (!isZero(file.read(block, Math.min(BLOCK, file.size - block)))) continue;
    return `the whole block of the file at ${hex(block)} is zero, as where it was never written`;
  }
  return undefined;
}

function blankEnd(file: ByteSource, { offset, length }: FileRange): string | undefined {
  const end = offset + length;
  if (!isZero(file.read(end - 1, 1))) return undefined;
  const until = Math.min(file.size, end + ENDLESS);
  let atOnce = CHUNK.first;
  for (let at = end; at < until; at += atOnce, atOnce = Math.min(CHUNK.last, 8 * atOnce)) {
    if (!isZero(file.read(at, Math.min(atOnce, until - at)))) return undefined;
  }
  return `nothing but zeros follows in the file from ${hex(end)} on, as where it was never written`;
}
