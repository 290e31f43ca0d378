// The page descriptors of a kdump-compressed file: a row of them, one for each bit that is set in the
// bitmap, and where they say that the data of the pages lie.
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
/** Descriptors looked at on either side of a page for one that has data of its own. */
const NEIGHBOURS = 256;
/** Zeros with which the stored form of a page may end: LZO's end mark has two, of a checksum seldom one is 0. */
const PACKED_ZEROS = 3;

/** struct page_desc, less its page_flags. */
export interface PageDescriptor {
  readonly offset: number; // file offset of the stored page; 0: never written
  readonly size: number; // stored size, bytes
  readonly flags: number; // codec
}

/** Descriptors that were read together, from that index on. */
interface DescriptorRun {
  readonly first: number;
  readonly bytes: Uint8Array;
}

/** The descriptors of one file. Indexes count from 0 in the file, also where it is one of a split dump. */
export class KdumpDescriptors {
  readonly #source: ByteSource;
  readonly #header: KdumpHeader;
  #firstData: number | undefined;
  #run: DescriptorRun = { first: 0, bytes: new Uint8Array(0) };

  constructor(source: ByteSource, header: KdumpHeader) {
    this.#source = source;
    this.#header = header;
  }

  /** Where in the file a descriptor is, bytes. */
  offsetOf(index: number): number {
    return this.#header.descriptors + index * DESCRIPTOR_BYTES;
  }

  /** @throws Corrupt (`truncated`) when it is past the end of the file. */
  read(index: number): PageDescriptor {
    return this.parse(this.#bytesOf(index), index);
  }

  #bytesOf(index: number): Uint8Array {
    const { first, bytes } = this.#runWith(index);
    const at = (index - first) * DESCRIPTOR_BYTES;
    return bytes.subarray(at, at + DESCRIPTOR_BYTES);
  }

  /** Read along with those on either side, which are asked for next. */
  #runWith(index: number): DescriptorRun {
    const known = this.#run;
    const end = (index + 1) * DESCRIPTOR_BYTES;
    if (index >= known.first && end <= known.first * DESCRIPTOR_BYTES + known.bytes.length) {
      return known;
    }
    const first = Math.max(0, index - 1);
    const offset = this.offsetOf(first);
    const least = (index - first + 1) * DESCRIPTOR_BYTES;
    const held = Math.min(least + DESCRIPTOR_BYTES, this.#source.size - offset);
    return (this.#run = { first, bytes: this.#source.read(offset, Math.max(least, held)) });
  }

  /** A descriptor out of bytes that were read already. */
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
   * Whether that is the block of zeros that all pages of zeros share: it comes before the data of
   * the first page, or it is what the first page has.
   */
  isSharedZeros(index: number, offset: number): boolean {
    const first = this.firstData();
    return index > 0 && (offset === first || offset === first - this.#header.blockSize);
  }

  /** File offset of the data of the first page: 0 where that was never written. */
  firstData(): number {
    return (this.#firstData ??= this.read(0).offset);
  }

  /** Whether a descriptor, or the data of its page, is not in the file. */
  lacks(index: number): boolean {
    if (!this.#source.holds(this.offsetOf(index), DESCRIPTOR_BYTES)) return true;
    const { offset, size } = this.read(index);
    return offset === 0 || !this.#source.holds(offset, size);
  }

  /** Whether the one before it was never written: a hole may end within this one. */
  followsHole(index: number): boolean {
    return index > 0 && this.#isBlank(index - 1);
  }

  /** Whether the one behind it was never written: a hole may begin within this one. */
  precedesHole(index: number): boolean {
    const first = this.firstData();
    const isLast = first > 0 && this.offsetOf(index + 2) > first;
    return !isLast && this.#isBlank(index + 1);
  }

  #isBlank(index: number): boolean {
    if (!this.#source.holds(this.offsetOf(index), DESCRIPTOR_BYTES)) return false;
    return isZero(this.#bytesOf(index));
  }

  /** Whether the data of the last of so many pages were written to their end. */
  hasDataOfLast(count: number): boolean {
    if (count === 0 || this.lacks(count - 1)) return false;
    const last = this.#neighbour(count, -1);
    if (last === undefined) return false;
    const length = last.flags === 0 ? last.size : Math.min(last.size, 1 + PACKED_ZEROS);
    const end = last.offset + last.size;
    return (
      this.#source.holds(last.offset, last.size) && !isZero(this.#source.read(end - length, length))
    );
  }

  /** What lies there, where it can be a descriptor of this file. */
  plausible(index: number): PageDescriptor | undefined {
    const at = this.offsetOf(index);
    if (!this.#source.holds(at, DESCRIPTOR_BYTES)) return undefined;
    return orElse(() => {
      const descriptor = this.read(index);
      this.check(descriptor, 'descriptor');
      const { offset } = descriptor;
      return offset > at && offset < this.#source.size ? descriptor : undefined;
    }, undefined);
  }

  /** @throws Corrupt when no page can have this size, or be there. */
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
   * Every writer of these files (makedumpfile, QEMU) lays the data of the pages one after the other, in
   * the order of their addresses. So a wrong bit in an offset shows: uncompressed, another page begins
   * there. One neighbour that agrees is enough, for the other's descriptor may be the wrong one.
   *
   * @throws Corrupt when the data are not where those of the pages before and after leave room.
   */
  checkPlace(index: number, { offset, size }: PageDescriptor, at: string): void {
    const before = this.#neighbour(index, -1);
    const after = this.#neighbour(index, 1);
    const from = before === undefined ? 0 : before.offset + before.size;
    const to = after?.offset ?? this.#source.size;
    const end = offset + size;
    // A page of the shared zeros takes no room: where there is room for one, it was another.
    const hasRoom = before !== undefined && to > from && to - from <= this.#header.blockSize;
    const fits = this.isSharedZeros(index, offset)
      ? after === undefined || !hasRoom
      : offset === from || end === to || (from <= offset && end <= to);
    if (fits) return;
    const want = `want ${hex(from)} to ${hex(to)}, between the pages before and after`;
    throw new Corrupt('corrupt', `${at} at ${hex(offset)}`, `got ${size} bytes, ${want}`);
  }

  /** The nearest page before or after that has data of its own, where there is one not far away. */
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
