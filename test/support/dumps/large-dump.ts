// A dump of a machine with more memory than any test has room for, made out of a real one.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

import { countBits } from '../../../src/vmcore/container/kdump-bitmap.ts';
import { readKdumpHeader } from '../../../src/vmcore/container/kdump-header.ts';
import { DEFAULT_LIMITS, bytesSource } from '../../../src/vmcore/index.ts';

const DESCRIPTOR_BYTES = 24;
/** In the header of a 64-bit dump: diskdump_mod.h struct disk_dump_header, kdump_sub_header. */
const BITMAP_BLOCKS = 436;
const MAX_MAPNR = 440;
const SUB_MAX_MAPNR = 96;

/**
 * Writes a dump of so many bytes, nearly all of them holes: a little-endian, 64-bit KDUMP with two bitmaps,
 * and behind its memory as many pages as fill the file, all of them dumped, none but the last with a content.
 */
export function writeLargeDump(path: string, dump: string, size: number): void {
  const bytes = readFileSync(dump);
  const header = readKdumpHeader(bytesSource(bytes), DEFAULT_LIMITS);
  const { blockSize, descriptors, dumpedBitmap, ramBitmap, maxPfn } = header;
  if (ramBitmap === undefined) throw new Error(`${dump}: want two bitmaps`);
  const ofBitmap = (range: { offset: number; length: number }): Buffer =>
    bytes.subarray(range.offset, range.offset + range.length);
  const count = countBits(ofBitmap(dumpedBitmap));
  const ownBytes = Math.ceil(maxPfn / 8);
  const addedBytes = Math.ceil(size / blockSize / 8);
  const largePfn = 8 * (ownBytes + addedBytes);
  const bitmapBytes = Math.ceil(largePfn / 8 / blockSize) * blockSize;

  const head = Buffer.from(bytes.subarray(0, ramBitmap.offset));
  head.writeUInt32LE((2 * bitmapBytes) / blockSize, BITMAP_BLOCKS);
  head.writeUInt32LE(largePfn, MAX_MAPNR);
  head.writeBigUInt64LE(BigInt(largePfn), blockSize + SUB_MAX_MAPNR);

  const bitmapOf = (range: { offset: number; length: number }): Buffer => {
    const bitmap = Buffer.alloc(bitmapBytes);
    ofBitmap(range).copy(bitmap);
    bitmap.fill(0xff, ownBytes, ownBytes + addedBytes);
    return bitmap;
  };
  const dataAt = descriptors + DESCRIPTOR_BYTES * count;
  const largeDescriptors = head.length + 2 * bitmapBytes;
  const largeDataAt = largeDescriptors + DESCRIPTOR_BYTES * (count + 8 * addedBytes);
  const moved = Buffer.from(bytes.subarray(descriptors, dataAt));
  for (let at = 0; at < moved.length; at += DESCRIPTOR_BYTES) {
    const offset = moved.readBigUInt64LE(at);
    if (offset > 0n) moved.writeBigUInt64LE(offset + BigInt(largeDataAt - dataAt), at);
  }

  const file = openSync(path, 'wx');
  try {
    const fixed = Buffer.concat([head, bitmapOf(ramBitmap), bitmapOf(dumpedBitmap), moved]);
    writeSync(file, fixed, 0, fixed.length, 0);
    writeSync(file, bytes, dataAt, bytes.length - dataAt, largeDataAt);
    ftruncateSync(file, size - 1);
    writeSync(file, Buffer.of(1), 0, 1, size - 1); // or it would end in zeros that nobody wrote
    // By the last page it is seen to be whole.
    const last = Buffer.alloc(DESCRIPTOR_BYTES);
    last.writeBigUInt64LE(BigInt(size - blockSize), 0);
    last.writeUInt32LE(blockSize, 8);
    writeSync(file, last, 0, last.length, largeDataAt - DESCRIPTOR_BYTES);
  } finally {
    closeSync(file);
  }
}
