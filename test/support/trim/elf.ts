// An ELF core with fewer pages: the header as it was but for the number of program headers, the
// notes as they were, and one PT_LOAD for each run of kept pages, with the addresses they had.

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
 * @param file ELF64, little-endian, without PN_XNUM.
 * @throws Error when a page that is to be kept is not in the file.
 */
export function trimElf(file: Uint8Array, keep: PageSet): Uint8Array {
  const wanted = new Set(keep);
  const segments = segmentsOf(file).flatMap((segment): Segment[] => {
    if (segment.type === PT_NOTE) return [segment];
    return segment.type === PT_LOAD ? keptRuns(segment, wanted) : [];
  });
  if (wanted.size > 0) throw new Error(`not in the dump: pages ${[...wanted].join(', ')}`);
  const tableEnd = EHDR_BYTES + segments.length * PHDR_BYTES;
  const out = new Uint8Array(segments.reduce((end, { size }) => end + size, tableEnd));
  const view = new DataView(out.buffer);
  out.set(file.subarray(0, EHDR_BYTES));
  view.setBigUint64(32, BigInt(EHDR_BYTES), true); // e_phoff
  view.setUint16(56, segments.length, true); // e_phnum
  let position = tableEnd;
  for (const [i, segment] of segments.entries()) {
    writePhdr(view, EHDR_BYTES + i * PHDR_BYTES, { ...segment, offset: position });
    out.set(file.subarray(segment.offset, segment.offset + segment.size), position);
    position += segment.size;
  }
  return out;
}

export function segmentsOf(file: Uint8Array): Segment[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const table = Number(view.getBigUint64(32, true));
  return Array.from({ length: view.getUint16(56, true) }, (_, i): Segment => {
    const at = table + i * view.getUint16(54, true);
    return {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: Number(view.getBigUint64(at + 8, true)),
      virtual: view.getBigUint64(at + 16, true),
      physical: view.getBigUint64(at + 24, true),
      size: Number(view.getBigUint64(at + 32, true)),
      align: view.getBigUint64(at + 48, true),
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

function writePhdr(view: DataView, at: number, segment: Segment): void {
  view.setUint32(at, segment.type, true);
  view.setUint32(at + 4, segment.flags, true);
  view.setBigUint64(at + 8, BigInt(segment.offset), true);
  view.setBigUint64(at + 16, segment.virtual, true);
  view.setBigUint64(at + 24, segment.physical, true);
  view.setBigUint64(at + 32, BigInt(segment.size), true); // p_filesz
  view.setBigUint64(at + 40, BigInt(segment.size), true); // p_memsz
  view.setBigUint64(at + 48, segment.align, true);
}
