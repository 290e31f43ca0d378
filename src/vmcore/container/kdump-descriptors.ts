// The page descriptors of a kdump-compressed file: a table with one for each bit set in the bitmap, which gives
// the place of the page's data.
// Source: makedumpfile diskdump_mod.h struct page_desc, makedumpfile.c write_kdump_pages_cyclic(); QEMU
// dump/dump.c write_dump_pages().

import type { ByteSource } from '../bytes/source.ts';
import { Cursor } from '../bytes/cursor.ts';
import { isZero } from '../bytes/unwritten.ts';
import { hex } from '../bytes/units.ts';
import { Corrupt, orElse } from '../errors.ts';
import type { KdumpHeader } from './kdump-header.ts';

/** sizeof(struct page_desc). */
export const DESCRIPTOR_BYTES = 24;
/** Maximum distance to the nearest descriptor on either side with data of its own. */
const NEIGHBOURS = 256;
/** Number of zero bytes at the end of a compressed page: LZO's end marker has two; a checksum rarely ends in one. */
const PACKED_ZEROS = 3;

/** struct page_desc without page_flags. */
export interface PageDescriptor {
  readonly offset: number; // file offset of the stored page; 0: never written
  readonly size: number; // stored size, bytes
  readonly flags: number; // codec
}

/** Consecutive descriptors that were read together, from the index `first` on. */
interface DescriptorRun {
  readonly first: number;
  readonly bytes: Uint8Array;
}

/** The descriptors of one file. Indexes start at 0 in each file, also in parts of a split dump. */
export class KdumpDescriptors {
  readonly #source: ByteSource;
  readonly #header: KdumpHeader;
  #firstData: number | undefined;
  #run: DescriptorRun = { first: 0, bytes: new Uint8Array(0) };

  constructor(source: ByteSource, header: KdumpHeader) {
    this.#source = source;
    this.#header = header;
  }

  /** Returns the file offset of a descriptor. */
  offsetOf(index: number): number {
    return this.#header.descriptors + index * DESCRIPTOR_BYTES;
  }

  /** @throws Corrupt (`truncated`) if the descriptor is past the end of the file. */
  read(index: number): PageDescriptor {
    return this.parse(this.#bytesOf(index), index);
  }

  #bytesOf(index: number): Uint8Array {
    const { first, bytes } = this.#runWith(index);
    const at = (index - first) * DESCRIPTOR_BYTES;
    return bytes.subarray(at, at + DESCRIPTOR_BYTES);
  }

  /** Reads the descriptors on either side too, because they are needed next. */
  #runWith(index: number): DescriptorRun {
    const known = this.#run;
    const end = (index + 1) * DESCRIPTOR_BYTES;
    if (index >= known.first && end <= known.first * DESCRIPTOR_BYTES + known.bytes.length) {
      return known;
    }
    const first = Math.max(0, index - 1);
    const offset = this.offsetOf(first);
    const least = (index - first + 1) * DESCRIPTOR_BYTES;
    const available = Math.min(least + DESCRIPTOR_BYTES, this.#source.size - offset);
    return (this.#run = { first, bytes: this.#source.read(offset, Math.max(least, available)) });
  }

  /** Parses a descriptor from bytes that were read before. */
  parse(bytes: Uint8Array, index: number): PageDescriptor {
    const at = this.offsetOf(index);
    const c = new Cursor(bytes, this.#header.order, `page descriptor ${index}`, at);
    return {
      offset: c.size64('offset'),
      size: c.u32(),
      flags: c.u32(),
    };
  }

  /**
   * Whether this is the shared block of all zero pages: it is before the data of the first page, or is the data of
   * the first page.
   */
  isSharedZeros(index: number, offset: number): boolean {
    const first = this.firstData();
    return index > 0 && (offset === first || offset === first - this.#header.blockSize);
  }

  /** Returns the file offset of the first page's data; 0 if it was never written. */
  firstData(): number {
    return (this.#firstData ??= this.read(0).offset);
  }

  /** Whether a descriptor, or the data of its page, is not in the file. */
  lacks(index: number): boolean {
    if (!this.#source.contains(this.offsetOf(index), DESCRIPTOR_BYTES)) return true;
    const { offset, size } = this.read(index);
    return offset === 0 || !this.#source.contains(offset, size);
  }

  /** Whether the previous descriptor was never written, so that a hole may end inside this one. */
  followsHole(index: number): boolean {
    return index > 0 && this.#isBlank(index - 1);
  }

  /** Whether the next descriptor was never written, so that a hole may start inside this one. */
  precedesHole(index: number): boolean {
    const first = this.firstData();
    const isLast = first > 0 && this.offsetOf(index + 2) > first;
    return !isLast && this.#isBlank(index + 1);
  }

  #isBlank(index: number): boolean {
    if (!this.#source.contains(this.offsetOf(index), DESCRIPTOR_BYTES)) return false;
    return isZero(this.#bytesOf(index));
  }

  /** Whether the data of the last of `count` pages were completely written. */
  hasDataOfLast(count: number): boolean {
    if (count === 0 || this.lacks(count - 1)) return false;
    const last = this.#neighbour(count, -1);
    if (last === undefined) return false;
    const length = last.flags === 0 ? last.size : Math.min(last.size, 1 + PACKED_ZEROS);
    const end = last.offset + last.size;
    return (
      this.#source.contains(last.offset, last.size) &&
      !isZero(this.#source.read(end - length, length))
    );
  }

  /** Returns the descriptor at the index, if it is plausible for this file. */
  plausible(index: number): PageDescriptor | undefined {
    const at = this.offsetOf(index);
    if (!this.#source.contains(at, DESCRIPTOR_BYTES)) return undefined;
    return orElse(() => {
      const descriptor = this.read(index);
      this.check(descriptor, 'descriptor');
      const { offset } = descriptor;
      return offset > at && offset < this.#source.size ? descriptor : undefined;
    }, undefined);
  }

  /** @throws Corrupt if a page cannot have this size or place. */
  check({ offset, size }: PageDescriptor, at: string): void {
    const { blockSize, descriptors } = this.#header;
    const where = `${at} at ${hex(offset)}`;
    if (size < 1 || size > blockSize) {
      throw new Corrupt('corrupt', where, `got size ${size}, want 1..${blockSize}`);
    }
    if (offset < descriptors + DESCRIPTOR_BYTES) {
      throw new Corrupt('corrupt', where, `is not behind the descriptors at ${hex(descriptors)}`);
    }
  }

  /**
   * makedumpfile and QEMU write the data of the pages one after the other, in the order of their addresses. This
   * detects a wrong bit in an offset that leads to another uncompressed page. One neighbour that agrees is
   * enough, because the descriptor of the other may be the damaged one.
   *
   * @throws Corrupt if the data are not between those of the previous and the next page.
   */
  checkPlace(index: number, { offset, size }: PageDescriptor, at: string): void {
    const before = this.#neighbour(index, -1);
    const after = this.#neighbour(index, 1);
    const from = before === undefined ? 0 : before.offset + before.size;
    const to = after?.offset ?? this.#source.size;
    const end = offset + size;
    // A zero page needs no space for data: a gap for one means that the descriptor is wrong.
    const hasRoom = before !== undefined && to > from && to - from <= this.#header.blockSize;
    const fits = this.isSharedZeros(index, offset)
      ? after === undefined || !hasRoom
      : offset === from || end === to || (from <= offset && end <= to);
    if (fits) return;
    const want = `want ${hex(from)} to ${hex(to)}, between the pages before and after`;
    throw new Corrupt('corrupt', `${at} at ${hex(offset)}`, `got ${size} bytes, ${want}`);
  }

  /** Returns the nearest page in that direction with data of its own, within NEIGHBOURS. */
  #neighbour(index: number, step: 1 | -1): PageDescriptor | undefined {
    for (let i = index + step, left = NEIGHBOURS; i >= 0 && left > 0; i += step, left--) {
      // Data follow the last descriptor.
      if (this.offsetOf(i + 1) > this.firstData()) return undefined;
      const found = this.plausible(i);
      if (found !== undefined && !this.isSharedZeros(i, found.offset)) return found;
    }
    return undefined;
  }
}
