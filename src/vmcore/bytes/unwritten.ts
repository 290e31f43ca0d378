// Zeros that were never written. A copy that broke off may have its whole size, for room was set aside for
// it or its holes were never filled: what never arrived reads as zeros, and no header says so.
//
// What the bytes alone show: a whole block of the file is zero, or nothing but zeros
// follows to its end or for long. A hole of less than a block in the middle of a file looks like zeros that
// were written.

import { type ByteSource, type FileRange, inRange, requireRange } from './source.ts';
import { hex } from './units.ts';

/** What file systems set aside, and what of a file is lost at once, bytes. */
const BLOCK = 4096;
/** So many zeros behind a kernel's data are none of its own: it may have large tables that nothing has used yet. */
const ENDLESS = 16 << 20;
/** Bytes read at once on the way there: few at first, for most zeros soon end. */
const CHUNK = { first: 512, last: 1 << 20 };
/** Bytes of a file looked at in each step of the search for its end. */
const PROBE = 64 << 10;

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

/** Whether there is nothing but zeros from the offset on, to the end of the file or for so long. */
export function zerosFollow(file: ByteSource, offset: number, length: number): boolean {
  const until = Math.min(file.size, offset + length);
  let atOnce = CHUNK.first;
  for (let at = offset; at < until; at += atOnce, atOnce = Math.min(CHUNK.last, 8 * atOnce)) {
    if (!isZero(file.read(at, Math.min(atOnce, until - at)))) return false;
  }
  return true;
}

/** A file as far as it was written. */
export interface WrittenPart extends ByteSource {
  /** Why it ends before its end; undefined: it does not. */
  readonly unwritten?: string;
}

/**
 * The file up to the zeros at its end, where they are more than `own`.
 *
 * @param file of a format that has no long runs of zeros behind `start`.
 * @param own bytes of zeros with which such a file may end when it is whole.
 * @param start as far as it is known to have been written.
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
    holds: (offset, length) => inRange(size, offset, length) && file.holds(offset, length),
    ...(file.origin && { origin: file.origin }),
  };
}

/** By halves: behind a place where nothing arrived nothing did. */
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
  if (!isZero(file.read(end - 1, 1)) || !zerosFollow(file, end, ENDLESS)) return undefined;
  return `nothing but zeros follows in the file from ${hex(end)} on, as where it was never written`;
}
