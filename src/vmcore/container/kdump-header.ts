// Header and sub header of a kdump-compressed file, versions 1 to 6.
// Source: makedumpfile diskdump_mod.h (struct disk_dump_header, struct kdump_sub_header) and IMPLEMENTATION;
// QEMU include/sysemu/dump.h. They are C structs of the dumped machine in their memory layout: byte order,
// size of long and padding are the machine's and not recorded. The right variant is the one with plausible
// fields.

import { type ByteOrder, Cursor, limited } from '../bytes/cursor.ts';
import type { ByteSource, FileRange } from '../bytes/source.ts';
import { ascii, cString, hasBytesAt } from '../bytes/text.ts';
import { whyUnwritten } from '../bytes/unwritten.ts';
import { Corrupt } from '../errors.ts';
import type { Limits } from '../limits.ts';

export const KDUMP_MAGIC = ascii('KDUMP   ');
const MAX_VERSION = 6;
const UTS_FIELD = 65; // __NEW_UTS_LEN + 1 (include/uapi/linux/utsname.h)
/** Bit of dump_level (makedumpfile makedumpfile.h). */
const DL_EXCLUDE_ZERO = 1;
export const MIN_BLOCK = 4096;
const MAX_BLOCK = 65536;

/** Offset of `status` in struct disk_dump_header, which depends on the size of struct timeval. */
const STATUS_OFFSET = { 64: 424, 32: 412 } as const;

/** header.status: the dump is truncated because the disk was full (DUMP_DH_COMPRESSED_INCOMPLETE). */
export const STATUS_INCOMPLETE = 0x8;

/** Whether the first bytes of a file have the signature of struct disk_dump_header. */
export function isKdump(head: Uint8Array): boolean {
  return hasBytesAt(head, 0, KDUMP_MAGIC);
}

/** The fields of header and sub header in the plausible variant of the structs; ranges may exceed the file. */
export interface KdumpHeader {
  readonly order: ByteOrder;
  /** header_version */
  readonly version: number;
  /** The six fields of utsname; QEMU fills in only the machine */
  readonly utsname: readonly string[];
  /** utsname.machine; empty or "Unknown" from some versions of QEMU */
  readonly machine: string;
  /** Whether makedumpfile wrote it; only makedumpfile fills in all of utsname. */
  readonly byMakedumpfile: boolean;
  /** status: codec flags, and STATUS_INCOMPLETE */
  readonly status: number;
  /** block_size, bytes: 4 KiB to 64 KiB; need not be the kernel's page size */
  readonly blockSize: number;
  /** Range of the bitmap of dumped pages (the second one). */
  readonly dumpedBitmap: FileRange;
  /** Range of the bitmap of RAM pages (the first one); undefined if there is only one bitmap. */
  readonly ramBitmap: FileRange | undefined;
  /** File offset of the first page descriptor. */
  readonly descriptors: number;
  /** Highest page frame number + 1. */
  readonly maxPfn: number;
  /** Page frames for which this file has descriptors; in a part of a split dump, part of the bitmap. */
  readonly startPfn: number;
  readonly endPfn: number;
  /** The page frame of bit 0 of the bitmaps; other than 0 only on 32-bit ARM. */
  readonly firstPfn: number;
  /** Whether pages of zeros have no data. */
  readonly leavesOutZeros: boolean;
  /** Whether it is a part of a split dump (makedumpfile --split). */
  readonly split: boolean;
  /** phys_base of the sub header, as written; QEMU gets it wrong */
  readonly physBase: bigint;
  /** Range of the VMCOREINFO text (version 3 and later). */
  readonly vmcoreinfo: FileRange | undefined;
  /** Range of the ELF notes (version 4 and later). */
  readonly notes: FileRange | undefined;
  /** Whether the sub header was never written; it always has at least the range of the notes. */
  readonly isCut: boolean;
}

/** Reads both headers. @throws Corrupt if no variant of the structs is plausible. */
export function readKdumpHeader(source: ByteSource, limits: Limits): KdumpHeader {
  const main = readMain(source);
  const { order, blockSize, version } = main;
  const sub = readSub(source, main);
  const maxPfn = limited('kdump: max_mapnr', sub.maxPfn || main.maxMapnr, limits.pageFrames);
  const bitmap = blockSize * (1 + main.subHeaderBlocks);
  const bitmapLength = main.bitmapBlocks * blockSize;
  const needed = Math.ceil(Math.ceil(maxPfn / 8) / blockSize);
  const two = main.bitmapBlocks >= 2 * needed;
  const half = two ? Math.floor(main.bitmapBlocks / 2) * blockSize : 0;
  const one = Math.min(Math.ceil(maxPfn / 8), two ? half : bitmapLength);
  return {
    order,
    version,
    utsname: main.utsname,
    byMakedumpfile: main.utsname[0] !== '',
    machine: main.machine,
    status: main.status,
    blockSize,
    ramBitmap: two ? { offset: bitmap, length: one } : undefined,
    dumpedBitmap: { offset: bitmap + half, length: one },
    descriptors: bitmap + bitmapLength,
    maxPfn,
    startPfn: sub.split ? Math.min(sub.startPfn, maxPfn) : 0,
    endPfn: sub.split ? Math.min(sub.endPfn, maxPfn) : maxPfn,
    firstPfn: isArm32(main) ? Math.floor(Number(sub.physBase) / blockSize) : 0,
    leavesOutZeros: sub.leavesOutZeros,
    split: sub.split,
    physBase: sub.physBase,
    vmcoreinfo: unlessEmpty(sub.vmcoreinfo),
    notes: unlessEmpty(sub.notes),
    isCut: version >= 4 && namesNoNotes(sub) && isBlank(source, blockSize),
  };
}

function namesNoNotes({ vmcoreinfo, notes }: SubHeader): boolean {
  return unlessEmpty(vmcoreinfo) === undefined && unlessEmpty(notes) === undefined;
}

function isBlank(source: ByteSource, offset: number): boolean {
  return source.contains(offset, 1) && whyUnwritten(source, offset, 1) !== undefined;
}

/** makedumpfile counts ARM's page frames from the start of RAM (ARCH_PFN_OFFSET). */
function isArm32({ machine, order }: MainHeader): boolean {
  return order.wordBits === 32 && machine.startsWith('arm');
}

interface MainHeader {
  readonly order: ByteOrder;
  readonly version: number;
  readonly utsname: readonly string[];
  readonly machine: string;
  readonly status: number;
  readonly blockSize: number;
  readonly subHeaderBlocks: number;
  readonly bitmapBlocks: number;
  readonly maxMapnr: number;
}

function readMain(source: ByteSource): MainHeader {
  const bytes = source.read(0, 464);
  for (const wordBits of [64, 32] as const) {
    for (const endian of ['little', 'big'] as const) {
      const main = mainAs(bytes, { endian, wordBits });
      if (isPlausible(main)) return main;
    }
  }
  throw new Corrupt(
    source.contains(0, bytes.length) ? 'corrupt' : 'truncated',
    'kdump header at 0x0',
    'got no plausible block size, bitmap and version in any byte order, want version 1..6',
  );
}

function mainAs(bytes: Uint8Array, order: ByteOrder): MainHeader {
  const c = new Cursor(bytes, order, 'kdump header').seek(8);
  const version = c.i32(); // header_version
  // sysname, nodename, release, version, machine, domainname
  const utsname = Array.from({ length: 6 }, () => cString(c.bytes(UTS_FIELD)));
  c.seek(STATUS_OFFSET[order.wordBits]);
  return {
    order,
    version,
    utsname,
    machine: utsname[4] ?? '',
    status: c.u32(), // status
    blockSize: c.i32(), // block_size, bytes
    subHeaderBlocks: c.i32(), // sub_hdr_size, blocks
    bitmapBlocks: c.u32(), // bitmap_blocks
    maxMapnr: c.u32(), // max_mapnr: clamped at 2^32-1, see max_mapnr_64
  };
}

function isPlausible(main: MainHeader): boolean {
  const { version, blockSize, subHeaderBlocks, bitmapBlocks, maxMapnr } = main;
  return (
    version >= 1 &&
    version <= MAX_VERSION &&
    blockSize >= MIN_BLOCK &&
    blockSize <= MAX_BLOCK &&
    (blockSize & (blockSize - 1)) === 0 &&
    subHeaderBlocks >= 1 &&
    bitmapBlocks * blockSize * 8 >= maxMapnr
  );
}

interface SubHeader {
  readonly physBase: bigint;
  readonly leavesOutZeros: boolean;
  readonly split: boolean;
  readonly startPfn: number;
  readonly endPfn: number;
  /** max_mapnr_64; 0 before version 6 */
  readonly maxPfn: number;
  readonly vmcoreinfo: FileRange | undefined;
  readonly notes: FileRange | undefined;
}

function readSub(source: ByteSource, main: MainHeader): SubHeader {
  const bytes = source.read(main.blockSize, 104);
  if (main.order.wordBits === 64) return subAs(bytes, main, false);
  const packed = subAs(bytes, main, false);
  return noteRangesFit(packed, main) ? packed : subAs(bytes, main, true);
}

/**
 * @param padded whether a 32-bit struct aligns 64-bit fields to 8 bytes, as on ARM and MIPS but not on i386.
 */
function subAs(bytes: Uint8Array, main: MainHeader, padded: boolean): SubHeader {
  const c = new Cursor(bytes, main.order, 'kdump sub header', main.blockSize);
  const since = (version: number): boolean => main.version >= version;
  const align = (): Cursor => (padded ? c.skip((8 - (c.position % 8)) % 8) : c);
  const physBase = main.order.wordBits === 64 ? c.i64() : BigInt(c.u32()); // phys_base
  const leavesOutZeros = (c.u32() & DL_EXCLUDE_ZERO) !== 0; // dump_level
  const split = since(2) && c.i32() !== 0; // split
  const narrow = since(2) ? [c.word(), c.word()] : []; // start_pfn, end_pfn
  const vmcoreinfo = since(3) ? range(align(), 'offset_vmcoreinfo', 'size_vmcoreinfo') : undefined;
  const notes = since(4) ? range(align(), 'offset_note', 'size_note') : undefined;
  if (since(5)) range(align(), 'offset_eraseinfo', 'size_eraseinfo');
  if (since(6)) align();
  const startPfn = since(6) ? c.size64('start_pfn_64') : Number(narrow[0] ?? 0);
  const endPfn = since(6) ? c.size64('end_pfn_64') : Number(narrow[1] ?? 0);
  const maxPfn = since(6) ? c.size64('max_mapnr_64') : 0;
  return { physBase, leavesOutZeros, split, startPfn, endPfn, maxPfn, vmcoreinfo, notes };
}

function range(c: Cursor, offsetField: string, sizeField: string): FileRange {
  return { offset: c.size64(offsetField), length: c.size(sizeField) };
}

function unlessEmpty(range: FileRange | undefined): FileRange | undefined {
  return range?.length === 0 ? undefined : range;
}

/** Whether the note ranges are 0, or after the sub header within its blocks. */
function noteRangesFit({ vmcoreinfo, notes }: SubHeader, main: MainHeader): boolean {
  const end = main.blockSize * (1 + main.subHeaderBlocks);
  return [vmcoreinfo, notes].every(
    (r) =>
      r === undefined ||
      (r.offset === 0 && r.length === 0) ||
      (r.offset > main.blockSize && r.offset + r.length <= end),
  );
}
