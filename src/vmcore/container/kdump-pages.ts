// Page descriptors and pages of a kdump-compressed file, as physical memory.
// Source: makedumpfile diskdump_mod.h struct page_desc; crash diskdump.c for what a missing page is.
// A page is: dumped (zero pages too: their descriptors share one block of zeros), excluded (its bit
// is clear), or lost (the dump broke off before its descriptor or its data were written).

import { limited } from '../bytes/cursor.ts';
import type { ByteSource } from '../bytes/source.ts';
import { isZero, whyUnwritten } from '../bytes/unwritten.ts';
import { type PhysAddr, hex, physAddr } from '../bytes/units.ts';
import { decompressPage, pageHead } from '../codec/page-codec.ts';
import { Corrupt, LimitExceeded, PageMissing, orElse } from '../errors.ts';
import { CAPS, type Limits } from '../limits.ts';
import { KdumpBitmap } from './kdump-bitmap.ts';
import { DESCRIPTOR_BYTES, KdumpDescriptors, type PageDescriptor } from './kdump-descriptors.ts';
import type { KdumpHeader } from './kdump-header.ts';
import { PageCache } from '../memory/page-cache.ts';
import {
  type PageHook,
  type PhysicalMemory,
  SCAN_HEAD,
  SCAN_STEP,
} from '../memory/physical-memory.ts';

/** Maximum size of a bitmap whose bits are all counted: 256 GiB of memory in 4 KiB pages, a few ms. */
const COUNTED_BITMAP_BYTES = 8 << 20;
/** Number of descriptors that a scan reads at once. */
const SCAN_DESCRIPTORS = 4096;
/** Compressed size of a page of 3 KiB of text and zeros, by any codec; measured 1,300 to 1,600. */
const TEXT_PAGE = { from: 700, to: 2600 };

/**
 * The budget of a search, by the size of the file: every page of an honest dump except zero pages has bytes of its own
 * in the file, and only decompression bombs compress beyond a certain ratio.
 */
class SearchBudget {
  #stored: number;
  #expanded: number;
  #broken = 0;

  constructor(fileSize: number) {
    this.#stored = fileSize;
    this.#expanded = (64 << 20) + 32 * fileSize;
  }

  /** @throws LimitExceeded if the budget is used up. */
  take(stored: number, expanded: number): void {
    this.#stored -= stored;
    this.#expanded -= expanded;
    if (this.#stored >= 0 && this.#expanded >= 0) return;
    const got = 'got pages that share their data, or expand more than any dump does';
    throw new LimitExceeded('kdump: search for VMCOREINFO', got);
  }

  /** @throws LimitExceeded if too many pages are broken for a dump. */
  passOverBroken(): void {
    limited('kdump: broken pages', ++this.#broken, CAPS.brokenPages);
  }
}

/**
 * Physical memory from the pages of one kdump-compressed file. A page is decompressed on its first read and kept
 * until the cache is full.
 */
export class KdumpPages implements PhysicalMemory {
  readonly #source: ByteSource;
  readonly #header: KdumpHeader;
  readonly #bitmap: KdumpBitmap;
  readonly #descriptors: KdumpDescriptors;
  readonly #cache: PageCache;
  readonly #onPage: PageHook | undefined;
  #firstRank: number | undefined;
  /** Whether the file has pages whose bits in the bitmap are missing. */
  #lacksBits = false;
  #flagsSeen = 0;

  constructor(source: ByteSource, header: KdumpHeader, limits: Limits, onPage?: PageHook) {
    this.#source = source;
    this.#header = header;
    this.#onPage = onPage;
    this.#bitmap = new KdumpBitmap(source, header.dumpedBitmap);
    this.#descriptors = new KdumpDescriptors(source, header);
    this.#cache = new PageCache(Math.floor(limits.pageCacheBytes / header.blockSize));
  }

  /** Codec flags of every page decompressed so far. */
  get flagsSeen(): number {
    return this.#flagsSeen;
  }

  read(address: PhysAddr, length: number): Uint8Array {
    const { blockSize } = this.#header;
    const start = Number(address) - this.#header.firstPfn * blockSize;
    const offset = ((start % blockSize) + blockSize) % blockSize;
    if (offset + length <= blockSize) {
      return this.#page(Math.floor(start / blockSize)).subarray(offset, offset + length);
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const at = (start + done) % blockSize;
      const part = Math.min(blockSize - at, length - done);
      const page = this.#page(Math.floor((start + done) / blockSize));
      bytes.set(page.subarray(at, at + part), done);
      done += part;
    }
    return bytes;
  }

  whyUnwritten(address: PhysAddr, length: number): string | undefined {
    const { blockSize, firstPfn } = this.#header;
    const start = Number(address) - firstPfn * blockSize;
    for (let done = 0; done < length;) {
      const at = (start + done) % blockSize;
      const part = Math.min(blockSize - at, length - done);
      const why = this.#whyPageUnwritten(Math.floor((start + done) / blockSize), at, part);
      if (why !== undefined) return why;
      done += part;
    }
    return undefined;
  }

  /** A compressed page, or one that its writer marked as zero, was written. */
  #whyPageUnwritten(pfn: number, at: number, length: number): string | undefined {
    const page = this.#page(pfn);
    const index = this.#indexOf(pfn);
    const { offset, flags } = this.#descriptors.read(index);
    if (flags !== 0 || this.#descriptors.isSharedZeros(index, offset)) return undefined;
    const start = at - (at % SCAN_STEP);
    if (isZero(page.subarray(start, start + SCAN_STEP))) {
      const where = hex(this.#addressOf(pfn, start));
      return `the whole page at ${where} is zero and has its own place, as where it was never written`;
    }
    return whyUnwritten(this.#source, offset + at, length);
  }

  *findPages(which: 'text' | 'rest', matches: (head: Uint8Array) => boolean): Generator<PhysAddr> {
    const { blockSize } = this.#header;
    const budget = new SearchBudget(this.#source.size);
    let unwritten = 0;
    for (const [pfn, descriptor, index] of this.#scan()) {
      const { offset, size } = descriptor;
      if (offset === 0) {
        limited('kdump: descriptors never written', ++unwritten, CAPS.unwrittenDescriptors);
        continue;
      }
      const isText = blockSize > SCAN_STEP || (size >= TEXT_PAGE.from && size <= TEXT_PAGE.to);
      if (isText !== (which === 'text')) continue;
      if (this.#descriptors.isSharedZeros(index, offset)) continue;
      budget.take(DESCRIPTOR_BYTES + size, blockSize > SCAN_STEP ? blockSize : 0);
      if (blockSize === SCAN_STEP && !this.#mayMatch(descriptor, matches)) continue;
      if (!this.#source.contains(offset, size)) continue; // the dump broke off before it
      const page = this.#wholePage(pfn, descriptor);
      if (page === undefined) budget.passOverBroken();
      else yield* this.#matchesIn(pfn, page, matches);
    }
  }

  /** Decides by the first bytes of the page, if its codec can decompress only those. */
  #mayMatch(
    { offset, size, flags }: PageDescriptor,
    matches: (head: Uint8Array) => boolean,
  ): boolean {
    const { blockSize } = this.#header;
    if (size > blockSize || !this.#source.contains(offset, size)) return false;
    this.#onPage?.('head');
    const head = pageHead(flags, this.#source.read(offset, size), blockSize);
    return head === undefined || head.length < SCAN_HEAD || matches(head.subarray(0, SCAN_HEAD));
  }

  /** Whether the file ends before the descriptors, so that its pages cannot be counted. */
  get isCutInBitmap(): boolean {
    return this.#source.size < this.#header.descriptors;
  }

  /** Whether the file ends before the data of its last page, or never got that far. */
  get isCutShort(): boolean {
    if (this.isCutInBitmap || this.#lacksBits) return true;
    const { dumpedBitmap, split } = this.#header;
    if (dumpedBitmap.length > COUNTED_BITMAP_BYTES && !split && this.#descriptors.lacks(0))
      return true;
    const guess = this.#guessedCount();
    // If the guessed last page is complete the dump is; if it is missing, the guess may be too high.
    if (guess !== undefined && !this.#descriptors.lacks(guess - 1)) return false;
    const count = this.#countedPages();
    return count > 0 && this.#descriptors.lacks(count - 1);
  }

  /** Whether the data of the last page are completely in the file, and not zeros in their place. */
  hasLastPage(): boolean {
    if (this.isCutInBitmap) return false;
    return this.#descriptors.hasDataOfLast(this.#guessedCount() ?? this.#countedPages());
  }

  /**
   * Compares the bitmap with the number of descriptors. With one wrong bit, every later page is taken for its
   * neighbour, and nothing else in the file shows it. If part of the bitmap was never written, no page can be found.
   *
   * @throws Corrupt if the bitmap has more pages than descriptors fit before the first page's data, or fewer than
   *   there are descriptors.
   */
  checkBitmap(): void {
    if (this.#header.dumpedBitmap.length > COUNTED_BITMAP_BYTES) return;
    const count = this.#countedPages();
    const table = this.#header.descriptors;
    if (!this.#source.contains(table, DESCRIPTOR_BYTES)) return;
    this.#lacksBits = this.#lacksPages(count);
    if (count === 0 || this.#lacksBits) return;
    const firstData = this.#descriptors.read(0).offset;
    if (firstData === 0) return; // broken off before it was written
    const end = this.#descriptors.offsetOf(count);
    const tooMany = firstData < end;
    const tooFew =
      end + DESCRIPTOR_BYTES <= firstData && this.#descriptors.plausible(count) !== undefined;
    if (!tooMany && !tooFew) return;
    const at = `kdump: bitmap at ${hex(this.#header.dumpedBitmap.offset)}`;
    const want = tooMany ? 'fewer' : 'more';
    throw new Corrupt('corrupt', at, `got ${count} pages, want ${want} by the descriptors`);
  }

  /** Whether there are descriptors of more pages, because part of the bitmap was never written. */
  #lacksPages(count: number): boolean {
    const { offset, length } = this.#header.dumpedBitmap;
    const [next, another] = [count, count + 1].map((i) => this.#descriptors.plausible(i));
    if (next === undefined || another === undefined) return false;
    const isBeforeData = this.#descriptors.offsetOf(count + 2) <= this.#descriptors.firstData();
    return isBeforeData && whyUnwritten(this.#source, offset, length) !== undefined;
  }

  #countedPages(): number {
    return this.#bitmap.rank(this.#header.endPfn) - this.#rankOfFirst();
  }

  /**
   * Guesses the number of descriptors of a dump whose bitmap is too large to be counted. The data usually start
   * where the descriptors end, with the shared block of zeros or the first page, and no block size is a multiple
   * of 24.
   */
  #guessedCount(): number | undefined {
    const { descriptors, endPfn, split, blockSize, dumpedBitmap } = this.#header;
    if (dumpedBitmap.length <= COUNTED_BITMAP_BYTES || split) return undefined;
    if (!this.#source.contains(descriptors, DESCRIPTOR_BYTES)) return undefined;
    const first = this.#descriptors.firstData();
    return [first, first - blockSize]
      .map((dataStart) => (dataStart - descriptors) / DESCRIPTOR_BYTES)
      .find((count) => count >= 1 && count <= endPfn && Number.isInteger(count));
  }

  /** Returns the physical address of the first page in the dump; undefined if it has none. */
  lowestAddress(): PhysAddr | undefined {
    for (const pfn of this.#bitmap.set(this.#header.startPfn, this.#header.endPfn)) {
      return this.#addressOf(pfn, 0);
    }
    return undefined;
  }

  #addressOf(pfn: number, offset: number): PhysAddr {
    return physAddr((pfn + this.#header.firstPfn) * this.#header.blockSize + offset);
  }

  #page(pfn: number): Uint8Array {
    const cached = this.#cache.get(pfn);
    if (cached !== undefined) return cached;
    const index = this.#indexOf(pfn);
    const at = `kdump: page ${hex(pfn)}`;
    if (!this.#source.contains(this.#descriptors.offsetOf(index), DESCRIPTOR_BYTES)) {
      throw new PageMissing('page_lost', at, `descriptor ${index} is past the end of the file`);
    }
    const descriptor = this.#descriptors.read(index);
    if (descriptor.offset === 0 || this.#descriptors.followsHole(index)) {
      throw new PageMissing('page_lost', at, `descriptor ${index} was never written`);
    }
    try {
      const page = this.#pageOf(descriptor, index, at);
      this.#cache.set(pfn, page);
      return page;
    } catch (error) {
      if (!(error instanceof Corrupt) || !this.#descriptors.precedesHole(index)) throw error;
      throw new PageMissing('page_lost', at, `descriptor ${index} was never written to its end`);
    }
  }

  #pageOf(descriptor: PageDescriptor, index: number, at: string): Uint8Array {
    const { offset, size } = descriptor;
    const where = `${at}, descriptor ${index}`;
    this.#descriptors.check(descriptor, where);
    if (!this.#source.contains(offset, size)) {
      const detail = `its data at ${hex(offset)} are past the end of the file`;
      throw new PageMissing('page_lost', at, detail);
    }
    this.#descriptors.checkPlace(index, descriptor, where);
    return this.#decompress(descriptor, where);
  }

  /** Returns the page of a checked descriptor. */
  #decompress({ offset, size, flags }: PageDescriptor, at: string): Uint8Array {
    const { blockSize } = this.#header;
    const where = `${at} at ${hex(offset)}`;
    const page = decompressPage(flags, this.#source.read(offset, size), blockSize, where);
    this.#flagsSeen |= flags;
    this.#onPage?.('page');
    return page;
  }

  /** Returns the index of the page's descriptor. @throws PageMissing if it has none in this file. */
  #indexOf(pfn: number): number {
    const { startPfn, endPfn, split } = this.#header;
    const at = `kdump: page ${hex(pfn)}`;
    if (split && (pfn < startPfn || pfn >= endPfn)) {
      const part = `pages ${hex(startPfn)} to ${hex(endPfn)}`;
      throw new PageMissing('page_lost', at, `is in another file of this split dump, not ${part}`);
    }
    if (this.#lacksBits) {
      throw new PageMissing(
        'page_lost',
        at,
        'cannot be found: part of the bitmap was never written',
      );
    }
    if (pfn < 0 || !this.#bitmap.has(pfn)) {
      const lost = pfn >= 0 && pfn < this.#header.maxPfn && !this.#bitmap.isInFile(pfn);
      throw new PageMissing(lost ? 'page_lost' : 'page_excluded', at, 'is not in the dump');
    }
    return this.#bitmap.rank(pfn) - this.#rankOfFirst();
  }

  #rankOfFirst(): number {
    return (this.#firstRank ??= this.#bitmap.rank(this.#header.startPfn));
  }

  /** Yields every page with a complete descriptor, in order; reads descriptors in long runs. */
  *#scan(): Generator<[number, PageDescriptor, number]> {
    if (this.#lacksBits) return;
    const { startPfn, endPfn } = this.#header;
    let run = new Uint8Array(0);
    let index = 0;
    for (const pfn of this.#bitmap.set(startPfn, endPfn)) {
      const at = (index % SCAN_DESCRIPTORS) * DESCRIPTOR_BYTES;
      if (at === 0) {
        const offset = this.#descriptors.offsetOf(index);
        const available = Math.max(0, this.#source.size - offset);
        const length = Math.min(SCAN_DESCRIPTORS * DESCRIPTOR_BYTES, available);
        run = new Uint8Array(this.#source.read(offset, length));
      }
      if (at + DESCRIPTOR_BYTES > run.length) return;
      yield [pfn, this.#descriptors.parse(run.subarray(at, at + DESCRIPTOR_BYTES), index), index];
      index++;
    }
  }

  /** Returns the page of an unchecked descriptor; undefined if it is broken. */
  #wholePage(pfn: number, descriptor: PageDescriptor): Uint8Array | undefined {
    const at = `kdump: page ${hex(pfn)}`;
    return orElse(() => {
      this.#descriptors.check(descriptor, at);
      return this.#decompress(descriptor, at);
    }, undefined);
  }

  *#matchesIn(
    pfn: number,
    page: Uint8Array,
    matches: (head: Uint8Array) => boolean,
  ): Generator<PhysAddr> {
    for (let start = 0; start < page.length; start += SCAN_STEP) {
      const head = page.subarray(start, start + SCAN_HEAD);
      if (matches(head)) yield this.#addressOf(pfn, start);
    }
  }
}
