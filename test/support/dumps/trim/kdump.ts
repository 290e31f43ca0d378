// A kdump-compressed file with fewer pages: headers, notes and the bitmap of RAM as they were,
// the bitmap of dumped pages thinned, descriptors renumbered, the stored pages copied as they are.

import { bytesSource } from '../../../../src/vmcore/bytes/source.ts';
import {
  type KdumpHeader,
  readKdumpHeader,
} from '../../../../src/vmcore/container/kdump-header.ts';
import { DEFAULT_LIMITS } from '../../../../src/vmcore/limits.ts';
import type { PageSet } from './pages.ts';

export const DESCRIPTOR_BYTES = 24;

/** @throws Error when a page that is to be kept is not in the file. */
export function trimKdump(file: Uint8Array, keep: PageSet): Uint8Array {
  const header = readKdumpHeader(bytesSource(file), DEFAULT_LIMITS);
  const kept = keptPages(file, header, keep);
  const dataStart = header.descriptors + kept.length * DESCRIPTOR_BYTES;
  const places = new Map<number, number>(); // pages may share a place: zero pages do
  let end = dataStart;
  for (const { offset, size } of kept) {
    if (places.has(offset)) continue;
    places.set(offset, end);
    end += size;
  }
  const out = new Uint8Array(end);
  out.set(file.subarray(0, header.descriptors));
  thinBitmap(out, header, kept);
  const view = new DataView(out.buffer);
  for (const [i, { descriptor, offset, size }] of kept.entries()) {
    const place = places.get(offset)!;
    const at = header.descriptors + i * DESCRIPTOR_BYTES;
    out.set(descriptor, at);
    view.setBigUint64(at, BigInt(place), header.order.endian === 'little');
    out.set(file.subarray(offset, offset + size), place);
  }
  return out;
}

interface KeptPage {
  readonly pfn: number;
  readonly descriptor: Uint8Array;
  readonly offset: number;
  readonly size: number;
}

function keptPages(file: Uint8Array, header: KdumpHeader, keep: PageSet): KeptPage[] {
  const { blockSize, order } = header;
  const wanted = new Set([...keep].map((address) => Math.floor(address / blockSize)));
  const view = new DataView(file.buffer, file.byteOffset);
  const little = order.endian === 'little';
  const kept: KeptPage[] = [];
  let index = 0;
  for (let pfn = 0; pfn < header.maxPfn; pfn++) {
    if (!isSet(file, header, pfn)) continue;
    const at = header.descriptors + index * DESCRIPTOR_BYTES;
    index++;
    if (!wanted.delete(pfn)) continue;
    kept.push({
      pfn,
      descriptor: file.subarray(at, at + DESCRIPTOR_BYTES),
      offset: Number(view.getBigUint64(at, little)),
      size: view.getUint32(at + 8, little),
    });
  }
  if (wanted.size > 0) throw new Error(`not in the dump: pages ${[...wanted].join(', ')}`);
  return kept;
}

function isSet(file: Uint8Array, { dumpedBitmap }: KdumpHeader, pfn: number): boolean {
  return ((file[dumpedBitmap.offset + (pfn >>> 3)] ?? 0) & (1 << (pfn & 7))) !== 0;
}

function thinBitmap(out: Uint8Array, header: KdumpHeader, kept: readonly KeptPage[]): void {
  const { offset } = header.dumpedBitmap;
  out.fill(0, offset, header.descriptors);
  for (const { pfn } of kept) out[offset + (pfn >>> 3)]! |= 1 << (pfn & 7);
}
