// Detects zeros that were never written. An interrupted copy may have its full size, because space was
// preallocated or holes were never filled: the missing data reads as zeros, and no header says so.
//
// The bytes alone show it if a whole block of the file is zero, or if only zeros follow up to its end or
// for a long distance. A hole of less than a block in the middle of a file looks like zeros that were written.

import { type ByteSource, type FileRange, inRange, requireRange } from './source.ts';
import { hex } from './units.ts';

/** Unit in which file systems allocate, and in which data are lost, bytes. */
const BLOCK = 4096;
/** More zeros than this after a kernel's data are not its own, bytes; it may have large unused tables. */
const ENDLESS = 16 << 20;
/** Bytes per read of the search for their end: few at first, because most runs of zeros are short. */
const CHUNK = { first: 512, last: 1 << 20 };
/** Bytes examined in each step of the search for the end of the written part. */
const PROBE = 64 << 10;

/** Returns why these bytes, if zero, may never have been written; undefined if they were. */
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

/** Whether only zeros follow from the offset on, for `length` bytes or up to the end of the file. */
export function zerosFollow(file: ByteSource, offset: number, length: number): boolean {
  const until = Math.min(file.size, offset + length);
  let atOnce = CHUNK.first;
  for (let at = offset; at < until; at += atOnce, atOnce = Math.min(CHUNK.last, 8 * atOnce)) {
    if (!isZero(file.read(at, Math.min(atOnce, until - at)))) return false;
  }
  return true;
}

/** The written part of a file. */
export interface WrittenPart extends ByteSource {
  /** Why the written part ends before the file does; undefined: it does not. */
  readonly unwritten?: string;
}

/**
 * Returns the file without the zeros at its end, if there are more than `own`.
 *
 * @param file in a format without long runs of zeros after `start`.
 * @param own maximum number of zero bytes at the end of a complete file of this format.
 * @param start offset up to which the file is known to have been written.
 */
export function writtenPart(file: ByteSource, own: number, start = 0): WrittenPart {
  const size = writtenEnd(file, own, start);
  if (size === file.size) return file;
  return {
    size,
    unwritten: `file: nothing but zeros follows from ${hex(size)} on, as where it was never written`,
    read(offset, length, into): Uint8Array {
      requireRange('file', size, offset, length);
      return file.read(offset, length, into);
    },
    contains: (offset, length) => inRange(size, offset, length) && file.contains(offset, length),
    ...(file.origin && { origin: file.origin }),
  };
}

/** Binary search: after the first place that was never written, nothing was. */
function writtenEnd(file: ByteSource, own: number, start: number): number {
  const last = Math.max(start, file.size - own - 1);
  if (!isZero(file.read(last, file.size - last))) return file.size;
  let [from, to] = [start, last];
  while (to - from > PROBE) {
    const middle = from + Math.floor((to - from) / 2);
    if (isZero(file.read(middle, Math.min(PROBE, to - middle)))) to = middle;
    else from = middle;
  }
  return from + file.read(from, to - from).findLastIndex((byte) => byte !== 0) + 1;
}

/** Whether every byte is 0; true for no bytes. */
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
  if (!isZero(file.read(end - 1, 1)) || !zerosFollow(file, end, ENDLESS)) return undefined;
  return `nothing but zeros follows in the file from ${hex(end)} on, as where it was never written`;
}
