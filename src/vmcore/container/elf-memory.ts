// The segments of an ELF core as physical memory.
//
// Segments may overlap: /proc/vmcore has the kernel image and the RAM range that contains it, QEMU has memory
// mapped twice. If their copies of a byte differ, one of them was never written.

import { type Extent, type ExtentMap, containsRange } from '../bytes/extents.ts';
import { type ByteSource, inRange } from '../bytes/source.ts';
import { isZero, whyUnwritten } from '../bytes/unwritten.ts';
import { type PhysAddr, hex, physAddr } from '../bytes/units.ts';
import { Corrupt, PageMissing } from '../errors.ts';
import { type PhysicalMemory, SCAN_HEAD, SCAN_STEP } from '../memory/physical-memory.ts';

const SCAN_CHUNK = 1 << 20;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Returns the start of a range as a number, if that is exact: beyond 2^53, `start + length` may equal
 * `start`. Kernel addresses, at the top of the address space, become negative.
 */
export function numeric(start: bigint, length: bigint | number): number | undefined {
  const signed = BigInt.asIntN(64, start);
  return signed >= -MAX_SAFE && signed + BigInt(length) <= MAX_SAFE ? Number(signed) : undefined;
}

/** The layout of an ELF core. */
export interface ElfExtents {
  /** Segments by address. */
  readonly segments: ExtentMap;
  /** Segments by file offset, each with its address in the place of the file offset. */
  readonly claims: ExtentMap;
  /** File ranges of segments whose offset or address is damaged. */
  readonly moved: ExtentMap;
  /** File ranges that are not memory: program headers and notes. */
  readonly others: ExtentMap;
}

/**
 * The memory in the PT_LOAD segments of an ELF core, by virtual addresses if it has no physical ones. Bytes
 * outside all segments, in a hole, or past the end of the file are missing.
 */
export class ElfMemory implements PhysicalMemory {
  readonly #source: ByteSource;
  readonly #segments: ExtentMap;
  readonly #claims: ExtentMap;
  readonly #moved: ExtentMap;
  readonly #others: ExtentMap;

  constructor(source: ByteSource, { segments, claims, moved, others }: ElfExtents) {
    this.#source = source;
    this.#segments = segments;
    this.#claims = claims;
    this.#moved = moved;
    this.#others = others;
  }

  read(address: PhysAddr, length: number): Uint8Array {
    const parts = this.#partsOf(address, length);
    const [only] = parts;
    if (parts.length === 1 && only) return this.#source.read(only.fileOffset, length);
    const bytes = new Uint8Array(length);
    const painted = new Uint8Array(length);
    for (const part of parts) {
      const at = part.start - (numeric(address, length) ?? 0);
      const range = [at, at + part.length] as const;
      paint(
        this.#source.read(part.fileOffset, part.length),
        bytes.subarray(...range),
        painted.subarray(...range),
      );
    }
    return bytes;
  }

  whyUnwritten(address: PhysAddr, length: number): string | undefined {
    const blank = this.#blankPage(address) ?? this.#whyTwoCopies(address, length);
    if (blank !== undefined) return blank;
    const doubts = this.#partsOf(address, length).map((part) => ({
      isWhole: part.length === length,
      why: this.#whyElsewhere(part) ?? whyUnwritten(this.#source, part.fileOffset, part.length),
    }));
    // One copy that was written is sufficient.
    if (doubts.some(({ isWhole, why }) => isWhole && why === undefined)) return undefined;
    return doubts.find(({ why }) => why !== undefined)?.why;
  }

  /** Examines each byte of the file once, however many segments contain it. */
  *findPages(which: 'text' | 'rest', matches: (head: Uint8Array) => boolean): Generator<PhysAddr> {
    if (which === 'rest') return; // nothing is compressed, so the first search has examined every page
    let done = 0;
    for (const { start: offset, length, fileOffset: address } of this.#claims.all()) {
      const skipped = Math.max(0, done - offset);
      if (skipped >= length) continue;
      const fresh = { start: address + skipped, length: length - skipped };
      yield* this.#pagesIn({ ...fresh, fileOffset: offset + skipped }, matches);
      done = offset + length;
    }
  }

  *#pagesIn(
    { start, length, fileOffset }: Extent,
    matches: (head: Uint8Array) => boolean,
  ): Generator<PhysAddr> {
    const first = Math.ceil(start / SCAN_STEP) * SCAN_STEP - start;
    for (let at = first; at + SCAN_HEAD <= length; at += SCAN_CHUNK) {
      const chunkLength = Math.min(SCAN_CHUNK, length - at, this.#source.size - fileOffset - at);
      if (chunkLength < SCAN_HEAD) break;
      const chunk = this.#source.read(fileOffset + at, chunkLength);
      for (let page = 0; page + SCAN_HEAD <= chunkLength; page += SCAN_STEP) {
        if (matches(chunk.subarray(page, page + SCAN_HEAD))) yield physAddr(start + at + page);
      }
    }
  }

  /** Returns the parts of the range that are in the file; together they contain all of it. */
  #partsOf(address: PhysAddr, length: number): Extent[] {
    const start = numeric(address, length);
    const parts = start === undefined ? [] : this.#segments.within(start, length);
    const at = `elf: address ${hex(address)}`;
    if (start === undefined || parts.length === 0 || !containsRange(parts, start, length)) {
      throw new PageMissing('page_excluded', at, `${length} bytes are in no segment`);
    }
    const present = parts.flatMap((part) => this.#inFile(part));
    if (!containsRange(present, start, length)) {
      const { fileOffset = 0 } = parts[0] ?? {};
      const isHole = inRange(this.#source.size, fileOffset, length);
      const what = isHole ? 'a hole of the stream' : 'past its end';
      const where = `${length} bytes at file offset ${hex(fileOffset)}`;
      throw new PageMissing('page_lost', at, `${where} are ${what}`);
    }
    for (const part of present) this.#requireOwn(part);
    return present;
  }

  /** Returns the part of the extent before the end of the file, or nothing if it has a hole. */
  #inFile(part: Extent): Extent[] {
    const length = Math.min(part.length, this.#source.size - part.fileOffset);
    return length > 0 && this.#source.contains(part.fileOffset, length)
      ? [{ ...part, length }]
      : [];
  }

  /**
   * Rejects bytes that two segments map to different addresses, or that are also notes: an offset is damaged.
   * QEMU writes two segments for memory mapped twice, with the same bytes at the same address.
   */
  #requireOwn({ start, length, fileOffset }: Extent): void {
    if (this.#others.within(fileOffset, length).length > 0) {
      const at = `elf: file offset ${hex(fileOffset)}`;
      throw new Corrupt('corrupt', at, 'got program headers or notes, want memory');
    }
    for (const claim of this.#claims.within(fileOffset, length)) {
      const claimed = claim.fileOffset + (fileOffset - claim.start);
      if (claimed === start) continue;
      throw new Corrupt(
        'corrupt',
        `elf: file offset ${hex(fileOffset)}`,
        `got segments for addresses ${hex(start)} and ${hex(claimed)}, want one`,
      );
    }
  }

  /**
   * A moved segment can be recognised where it overlaps another or deviates from the others, not where it is
   * read.
   */
  #whyElsewhere({ fileOffset, length }: Extent): string | undefined {
    if (this.#moved.within(fileOffset, length).length === 0) return undefined;
    return `the segment at file offset ${hex(fileOffset)} overlaps another one, or its pages lie otherwise than those of most`;
  }

  /** Zeros in one copy were never written; if both copies have other bytes, it is unknown which is right. */
  #whyTwoCopies(address: PhysAddr, length: number): string | undefined {
    const start = numeric(address, length) ?? 0;
    const bytes = this.read(address, length);
    const isOther = (part: Extent): boolean =>
      this.#source
        .read(part.fileOffset, part.length)
        .some((byte, i) => byte !== 0 && byte !== bytes[part.start - start + i]);
    if (!this.#partsOf(address, length).some(isOther)) return undefined;
    return `segments have different bytes at ${hex(address)}, and no telling which were written last`;
  }

  /** A page with kernel data is never all zero: in 34 dumps such pages had at least 64 nonzero bytes. */
  #blankPage(address: PhysAddr): string | undefined {
    const start = numeric(address - (address % BigInt(SCAN_STEP)), SCAN_STEP);
    if (start === undefined) return undefined;
    const parts = this.#segments.within(start, SCAN_STEP).flatMap((part) => this.#inFile(part));
    if (parts.length === 0) return undefined;
    if (!parts.every((part) => isZero(this.#source.read(part.fileOffset, part.length)))) {
      return undefined;
    }
    return `the whole page at ${hex(start)} is zero, as where it was never written`;
  }
}

/**
 * Adds a copy of bytes. Where it differs from an earlier copy, the later one wins, unless it has only zeros
 * there: those were never written.
 *
 * @param painted 1 for each byte that is already set.
 */
function paint(copy: Uint8Array, bytes: Uint8Array, painted: Uint8Array): void {
  const isDifferent = copy.some((byte, i) => byte !== 0 && painted[i] === 1 && byte !== bytes[i]);
  for (const [i, byte] of copy.entries()) {
    if (painted[i] === 0 || isDifferent) bytes[i] = byte;
    painted[i] = 1;
  }
}
