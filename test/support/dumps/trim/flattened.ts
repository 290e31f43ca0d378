// Flattened streams, both ways, written in the order in which makedumpfile -F writes them: it holds
// descriptors back until a buffer of pages is full, and program headers until the very end.

import { bytesSource } from '../../../../src/vmcore/bytes/source.ts';
import { readKdumpHeader } from '../../../../src/vmcore/container/kdump-header.ts';
import { DEFAULT_LIMITS } from '../../../../src/vmcore/limits.ts';
import { FIRST_RECORD, type FlatRecord, flatStream } from '../../builders/flattened-builder.ts';
import { EHDR_BYTES, PHDR_BYTES, segmentsOf } from './elf.ts';
import { DESCRIPTOR_BYTES } from './kdump.ts';

const END = 0xffffffffffffffffn;
/** sizeof(struct disk_dump_header) of a 64-bit machine. */
const MAIN_HEADER_BYTES = 464;
/** makedumpfile and QEMU write bitmaps in pieces of this size. */
const BITMAP_PIECE = 4096;
/** Descriptors in one record. */
const DESCRIPTORS_AT_ONCE = 8;
/** makedumpfile -E writes pages through a buffer of this size. */
const ELF_PIECE = 65536;

/** The file that a stream describes: `makedumpfile -R`. */
export function unflatten(stream: Uint8Array): Uint8Array {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const records: FlatRecord[] = [];
  for (let at = FIRST_RECORD; ;) {
    const offset = view.getBigUint64(at);
    const size = Number(view.getBigUint64(at + 8));
    if (offset === END) break;
    records.push({ offset: Number(offset), bytes: stream.subarray(at + 16, at + 16 + size) });
    at += 16 + size;
  }
  const ends = records.map(({ offset, bytes }) => Number(offset) + bytes.length);
  const file = new Uint8Array(ends.reduce((a, b) => Math.max(a, b), 0));
  for (const { offset, bytes } of records) file.set(bytes, Number(offset));
  return file;
}

/** A kdump file as a stream: main header, sub header, bitmaps, then pages before their descriptors. */
export function flattenKdump(file: Uint8Array): Uint8Array {
  const header = readKdumpHeader(bytesSource(file), DEFAULT_LIMITS);
  const { blockSize, descriptors, ramBitmap, dumpedBitmap } = header;
  if (ramBitmap === undefined) throw new Error('want two bitmaps, got one');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const first = Number(view.getBigUint64(descriptors, true));
  const records = [
    record(file, 0, MAIN_HEADER_BYTES),
    record(file, blockSize, ramBitmap.offset),
    ...[ramBitmap, dumpedBitmap].flatMap(({ offset, length }) =>
      pieces(file, offset, offset + length, BITMAP_PIECE),
    ),
  ];
  let written = first;
  for (let at = descriptors; at < first; at += DESCRIPTORS_AT_ONCE * DESCRIPTOR_BYTES) {
    const end = Math.min(first, at + DESCRIPTORS_AT_ONCE * DESCRIPTOR_BYTES);
    const dataEnd = dataEndOf(view, at, end);
    if (dataEnd > written) records.push(record(file, written, dataEnd));
    records.push(record(file, at, end));
    written = Math.max(written, dataEnd);
  }
  return flatStream(records);
}

function dataEndOf(view: DataView, from: number, to: number): number {
  let dataEnd = 0;
  for (let at = from; at < to; at += DESCRIPTOR_BYTES) {
    const end = Number(view.getBigUint64(at, true)) + view.getUint32(at + 8, true);
    dataEnd = Math.max(dataEnd, end);
  }
  return dataEnd;
}

/** An ELF core as a stream: its header, notes, memory, and the program headers last. */
export function flattenElf(file: Uint8Array): Uint8Array {
  const segments = segmentsOf(file);
  const tableEnd = EHDR_BYTES + segments.length * PHDR_BYTES;
  return flatStream([
    record(file, 0, EHDR_BYTES),
    ...segments.flatMap(({ offset, size }) => pieces(file, offset, offset + size, ELF_PIECE)),
    record(file, EHDR_BYTES, tableEnd),
  ]);
}

function record(file: Uint8Array, from: number, to: number): FlatRecord {
  return { offset: from, bytes: file.subarray(from, to) };
}

function pieces(file: Uint8Array, from: number, to: number, size: number): FlatRecord[] {
  const starts = Array.from({ length: Math.ceil((to - from) / size) }, (_, i) => from + i * size);
  return starts.map((start) => record(file, start, Math.min(start + size, to)));
}
