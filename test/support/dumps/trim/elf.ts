// An ELF core with fewer pages: the header as it was but for the number of program headers, the
// notes as they were, and one PT_LOAD for each run of kept pages, with the addresses they had.

import { ByteWriter } from '../../builders/bytes.ts';
import { type PageSet, PAGE } from './pages.ts';

export const EHDR_BYTES = 64;
export const PHDR_BYTES = 56;
const PT_LOAD = 1;
const PT_NOTE = 4;

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly virtual: bigint;
  readonly physical: bigint;
  readonly size: number;
  readonly align: bigint;
}

/**
 * @param file ELF32 or ELF64 in either byte order, without PN_XNUM.
 * @throws Error when a page that is to be kept is not in the file.
 */
export function trimElf(file: Uint8Array, keep: PageSet): Uint8Array {
  const wanted = new Set(keep);
  const segments = segmentsOf(file).flatMap((segment): Segment[] => {
    if (segment.type === PT_NOTE) return [segment];
    return segment.type === PT_LOAD ? keptRuns(segment, wanted) : [];
  });
  if (wanted.size > 0) throw new Error(`not in the dump: pages ${[...wanted].join(', ')}`);
  const { is64, little } = classOf(file);
  const ehdrBytes = is64 ? EHDR_BYTES : 52;
  const tableEnd = ehdrBytes + segments.length * (is64 ? PHDR_BYTES : 32);
  const out = new Uint8Array(segments.reduce((end, { size }) => end + size, tableEnd));
  const view = new DataView(out.buffer);
  out.set(file.subarray(0, ehdrBytes));
  if (is64)
    view.setBigUint64(32, BigInt(ehdrBytes), little); // e_phoff
  else view.setUint32(28, ehdrBytes, little);
  view.setUint16(is64 ? 56 : 44, segments.length, little); // e_phnum
  const headers = new ByteWriter({ endian: little ? 'little' : 'big', wordBits: is64 ? 64 : 32 });
  let position = tableEnd;
  for (const segment of segments) {
    writePhdr(headers, { ...segment, offset: position }, is64);
    out.set(file.subarray(segment.offset, segment.offset + segment.size), position);
    position += segment.size;
  }
  out.set(headers.toBytes(), ehdrBytes);
  return out;
}

function classOf(file: Uint8Array): { is64: boolean; little: boolean } {
  return { is64: file[4] === 2, little: file[5] === 1 };
}

export function segmentsOf(file: Uint8Array): Segment[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const { is64, little } = classOf(file);
  const u16 = (at: number): number => view.getUint16(at, little);
  const u32 = (at: number): number => view.getUint32(at, little);
  const word = (at: number): bigint =>
    is64 ? view.getBigUint64(at, little) : BigInt(view.getUint32(at, little));
  const table = Number(word(is64 ? 32 : 28));
  return Array.from({ length: u16(is64 ? 56 : 44) }, (_, i): Segment => {
    const at = table + i * u16(is64 ? 54 : 42);
    const [flagsAt, offsetAt, width, alignAt] = is64 ? [4, 8, 8, 48] : [24, 4, 4, 28];
    return {
      type: u32(at),
      flags: u32(at + flagsAt),
      offset: Number(word(at + offsetAt)),
      virtual: word(at + offsetAt + width),
      physical: word(at + offsetAt + 2 * width),
      size: Number(word(at + offsetAt + 3 * width)),
      align: word(at + alignAt),
    };
  });
}

/** The parts of a segment with wanted pages, each as a segment; takes those pages from `wanted`. */
function keptRuns(segment: Segment, wanted: Set<number>): Segment[] {
  const runs: Segment[] = [];
  for (let at = 0; at + PAGE <= segment.size; at += PAGE) {
    if (!wanted.delete(Number(segment.physical) + at)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.size === segment.offset + at) {
      runs[runs.length - 1] = { ...last, size: last.size + PAGE };
    } else {
      runs.push(partOf(segment, at));
    }
  }
  return runs;
}

/** The page at `at` of a segment; addresses that QEMU left blank stay so. */
function partOf(segment: Segment, at: number): Segment {
  return {
    ...segment,
    offset: segment.offset + at,
    virtual: segment.virtual === 0n ? 0n : segment.virtual + BigInt(at),
    physical: segment.physical + BigInt(at),
    size: PAGE,
  };
}

function writePhdr(out: ByteWriter, segment: Segment, is64: boolean): void {
  const { type, flags, offset, virtual, physical, size, align } = segment;
  out.u32(type);
  if (is64) out.u32(flags);
  out.word(offset).word(virtual).word(physical).word(size).word(size); // p_filesz, p_memsz
  if (!is64) out.u32(flags);
  out.word(align);
}
