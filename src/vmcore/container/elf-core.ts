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

/** Offset after which a 32-bit header has the numbers of its program headers, a 64-bit header its own size. */
const LAST_FIELDS = 48;
/** Number of zeros after the first fields that show that the rest of the header is missing, bytes. */
const BLANK_HEADER = 64 << 10;
/** Segments are whole pages, except a RAM range that ends inside a page, which shifts all that follows in the file. */
const PAGE = 4096;
const ALL_ONES = 0xffffffffffffffffn;
const ALL_ONES_32 = 0xffffffffn;

/** @throws Corrupt, Unsupported or LimitExceeded if the headers are impossible. */
export function openElfCore(source: ByteSource, limits: Limits): ContainedDump {
  if (source.size > LAST_FIELDS && zerosFollow(source, LAST_FIELDS, BLANK_HEADER)) {
    const detail = 'has nothing but zeros behind its first fields, as where it was never written';
    throw new Corrupt('truncated', 'elf header', detail);
  }
  const header = readElfHeader(source, limits);
  // There may be a million segments: they are read once, and a second time only if the guess was wrong.
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
  /** The same by place in the file, with the address in place of the file offset. */
  readonly claims: ExtentBuilder;
  /** Parts of the file that are not memory. */
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
  /** PT_NULL: makedumpfile -E reserves space for the headers and writes them at the end. */
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
    if (segment.type === PT_NOTE && isInFile(source, segment)) {
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
 * Returns segments with a damaged offset or address: another segment has a part of their file range at another
 * address, or their distance between file offset and address differs from that of most others.
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

/** Returns the distance that most segments have; undefined if there is none, or a segment is not whole pages. */
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

/** Distance between memory address and file offset, modulo the page size, bytes. */
function shiftOf({ start, fileOffset: address }: Extent): number {
  return (((address - start) % PAGE) + PAGE) % PAGE;
}

function isInFile({ size }: ByteSource, segment: ProgramHeader): boolean {
  return hasSafeOffsets(segment) && inRange(size, Number(segment.offset), Number(segment.fileSize));
}

/** @throws Corrupt (`truncated`) if no program header was written. */
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

/** The mapping of a program header, if its writer knew virtual addresses (QEMU does not). */
function mappedRange({ virtual, physical, memorySize }: ProgramHeader): MappedRange[] {
  if (virtual === 0n || virtual === physical) return [];
  return [{ virtual: virtAddr(virtual), physical: physAddr(physical), length: memorySize }];
}

/** The bit means something else where the ABI owns it: RVC, the ELF ABI version, LP64D. */
function saysIncomplete({ machine, flags }: ElfHeader): boolean {
  if (machine === EM_RISCV || machine === EM_PPC64 || machine === EM_LOONGARCH) return false;
  return (flags & DUMP_ELF_INCOMPLETE) !== 0;
}
