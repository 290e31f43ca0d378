// An ELF core as a dump: PT_LOAD segments are physical memory, PT_NOTE segments have VMCOREINFO.
// Makers: the kernel (fs/proc/vmcore.c, fs/proc/kcore.c), makedumpfile -E, QEMU and libvirt.
//
// Memory past p_filesz is not read as zeros, though the gABI says so: makedumpfile -E leaves out
// zero pages and filtered pages alike, so nothing in the file says that they were zero.

import { type Extent, ExtentBuilder, type ExtentMap } from '../bytes/extents.ts';
import { type ByteSource, inRange } from '../bytes/source.ts';
import { zerosFollow } from '../bytes/unwritten.ts';
import { physAddr, virtAddr } from '../bytes/units.ts';
import { Corrupt } from '../errors.ts';
import { CAPS, type Limits } from '../limits.ts';
import type { ContainedDump, MappedRange } from './dump.ts';
import {
  DUMP_ELF_INCOMPLETE,
  EM_LOONGARCH,
  EM_PPC64,
  EM_RISCV,
  PT_LOAD,
  PT_NOTE,
  PT_NULL,
} from '../elf/elf-constants.ts';
import {
  type ElfHeader,
  type ProgramHeader,
  hasSafeOffsets,
  readElfHeader,
} from '../elf/elf-header.ts';
import { CoreNotes } from '../elf/core-notes.ts';
import { ElfMemory, numeric } from './elf-memory.ts';

/** In a header of 32 bits the numbers of the table of program headers, in one of 64 its own size follow. */
const LAST_FIELDS = 48;
/** Zeros behind its first fields, bytes, in which the others would be. */
const BLANK_HEADER = 64 << 10;
/** Makers give whole pages, or more, but for a range of RAM that ends in one: what follows it in the file lies otherwise. */
const PAGE = 4096;
const ALL_ONES = 0xffffffffffffffffn;
const ALL_ONES_32 = 0xffffffffn;

/** @throws Corrupt, Unsupported or LimitExceeded when the headers are impossible. */
export function openElfCore(source: ByteSource, limits: Limits): ContainedDump {
  if (source.size > LAST_FIELDS && zerosFollow(source, LAST_FIELDS, BLANK_HEADER)) {
    const detail = 'has nothing but zeros behind its first fields, as where it was never written';
    throw new Corrupt('truncated', 'elf header', detail);
  }
  const header = readElfHeader(source, limits);
  // There may be a million segments: they are read once, and again where the guess was wrong.
  let read = readSegments(source, header, 'physical', limits);
  if (!read.hasPhysical) read = readSegments(source, header, 'virtual', limits);
  for (const range of header.noteSections()) read.notes.take(range);
  read.notes.requireNoXen();
  if (!read.hasPhysical) read.notes.requireNoProcess(read.hasUserSpace);
  requireWritten(read.headers);
  const extents = read.stored.build(limits);
  const claims = read.claims.build(limits);
  return {
    container: 'elf',
    order: header.order,
    machine: header.machine,
    utsname: [],
    vmcoreinfoNotes: read.notes.texts,
    memory: new ElfMemory(source, {
      segments: extents,
      claims,
      moved: moved(claims).build(limits),
      others: read.others.build(limits),
    }),
    addressing: read.hasPhysical ? 'physical' : 'virtual',
    incomplete:
      saysIncomplete(header) ||
      read.headers.blank > 0 ||
      read.notes.areCut ||
      read.end > source.size,
    hints: {
      physBase: undefined,
      ramStart: ramStart(extents),
      mapped: read.mapped,
      cpuPageTables: read.notes.cpuPageTables,
    },
    part: undefined,
    compression: () => [],
  };
}

interface Segments {
  readonly stored: ExtentBuilder;
  /** The same by place in the file, each with its address for a file offset. */
  readonly claims: ExtentBuilder;
  /** What of the file is no memory. */
  readonly others: ExtentBuilder;
  readonly notes: CoreNotes;
  readonly mapped: readonly MappedRange[];
  /** One past the highest file offset. */
  readonly end: number;
  readonly hasPhysical: boolean;
  /** Whether a virtual address is in the lower half, which belongs to processes. */
  readonly hasUserSpace: boolean;
  readonly headers: HeaderCount;
}

interface HeaderCount {
  readonly count: number;
  /** PT_NULL: makedumpfile -E sets room aside, and writes them when it is done. */
  readonly blank: number;
}

function readSegments(
  source: ByteSource,
  header: ElfHeader,
  addressing: 'physical' | 'virtual',
  limits: Limits,
): Segments {
  const stored = new ExtentBuilder();
  const claims = new ExtentBuilder();
  const others = new ExtentBuilder();
  others.add(header.table.offset, header.table.length, 0);
  const notes = new CoreNotes(source, header.order, limits);
  const mapped: MappedRange[] = [];
  const loads = { count: 0, unknown: 0, zero: 0 };
  const headers = { count: 0, blank: 0 };
  const kernelSpace = 1n << BigInt(header.order.wordBits - 1);
  let hasUserSpace = false;
  let end = 0;
  for (const segment of header.segments()) {
    headers.count++;
    if (segment.type === PT_NULL) headers.blank++;
    notes.takeSegment(segment);
    if (segment.type === PT_NOTE && isHeld(source, segment)) {
      others.add(Number(segment.offset), Number(segment.fileSize), 0);
    }
    if (segment.type !== PT_LOAD) continue;
    const { offset, fileSize, physical, virtual } = segment;
    hasUserSpace ||= virtual > 0n && virtual < kernelSpace;
    loads.count++;
    if (physical === ALL_ONES || physical === ALL_ONES_32) loads.unknown++;
    if (physical === 0n) loads.zero++;
    if (mapped.length < CAPS.mappedRanges) mapped.push(...mappedRange(segment));
    const start = numeric(segment[addressing], fileSize);
    if (start === undefined || fileSize === 0n || !hasSafeOffsets(segment)) continue;
    stored.add(start, Number(fileSize), Number(offset));
    claims.add(Number(offset), Number(fileSize), start);
    end = Math.max(end, Number(offset + fileSize));
  }
  const space = { hasPhysical: hasPhysical(loads), hasUserSpace };
  return { stored, claims, others, notes, mapped, end, ...space, headers };
}

/**
 * Segments with a damaged offset or address: another one has a part of them, for another address; or most others
 * agree on how far a page of memory is from one of the file, and these do not.
 */
function moved(claims: ExtentMap): ExtentBuilder {
  const found = new ExtentBuilder();
  const add = ({ start, length }: Extent): void => {
    found.add(start, length, start);
  };
  const usual = usualShift(claims);
  let furthest: Extent | undefined;
  for (const extent of claims.all()) {
    const end = furthest === undefined ? 0 : furthest.start + furthest.length;
    if (furthest !== undefined && extent.start < end) [furthest, extent].forEach(add);
    if (extent.start + extent.length > end) furthest = extent;
    if (usual !== undefined && shiftOf(extent) !== usual) add(extent);
  }
  return found;
}

/** What most segments agree on; undefined where they do not, or one of them has no whole pages. */
function usualShift(claims: ExtentMap): number | undefined {
  const counts = new Map<number, number>();
  let all = 0;
  for (const extent of claims.all()) {
    if (extent.length % PAGE !== 0) return undefined;
    const shift = shiftOf(extent);
    counts.set(shift, (counts.get(shift) ?? 0) + 1);
    all++;
  }
  for (const [shift, count] of counts) if (2 * count > all) return shift;
  return undefined;
}

/** How far its pages of memory are from pages of the file, bytes. */
function shiftOf({ start, fileOffset: address }: Extent): number {
  return (((address - start) % PAGE) + PAGE) % PAGE;
}

function isHeld({ size }: ByteSource, segment: ProgramHeader): boolean {
  return hasSafeOffsets(segment) && inRange(size, Number(segment.offset), Number(segment.fileSize));
}

/** @throws Corrupt (`truncated`) when none of the program headers was written. */
function requireWritten({ count, blank }: HeaderCount): void {
  if (count === 0 || blank < count) return;
  const got = `got ${count} blank ones: the dump broke off before they were written`;
  throw new Corrupt('truncated', 'elf: program headers', got);
}

/** All ones mean unknown (kernel fs/proc/kcore.c); old kcores leave all of them zero. */
function hasPhysical({
  count,
  unknown,
  zero,
}: Record<'count' | 'unknown' | 'zero', number>): boolean {
  return count === 0 || (unknown < count && (zero < count || count === 1));
}

function ramStart(extents: ExtentMap): bigint | undefined {
  for (const { start } of extents.all()) return BigInt(start);
  return undefined;
}

/** What a program header maps, of makers that know virtual addresses (not QEMU). */
function mappedRange({ virtual, physical, memorySize }: ProgramHeader): MappedRange[] {
  if (virtual === 0n || virtual === physical) return [];
  return [{ virtual: virtAddr(virtual), physical: physAddr(physical), length: memorySize }];
}

/** The bit means something else where the ABI owns it: RVC, the ELF ABI version, LP64D. */
function saysIncomplete({ machine, flags }: ElfHeader): boolean {
  if (machine === EM_RISCV || machine === EM_PPC64 || machine === EM_LOONGARCH) return false;
  return (flags & DUMP_ELF_INCOMPLETE) !== 0;
}
