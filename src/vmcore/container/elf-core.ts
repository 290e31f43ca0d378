// An ELF core as a dump: PT_LOAD segments are physical memory, PT_NOTE segments hold VMCOREINFO.
// Makers: the kernel (fs/proc/vmcore.c, fs/proc/kcore.c), makedumpfile -E, QEMU and libvirt.
//
// Memory past p_filesz is not read as zeros, though the gABI says so: makedumpfile -E leaves out
// zero pages and filtered pages alike, so nothing in the file says that they were zero.

import { type Extent, ExtentBuilder, type ExtentMap, coversRange } from '../bytes/extents.ts';
import { type ByteSource, inRange } from '../bytes/source.ts';
import { type PhysAddr, hex, physAddr, virtAddr } from '../bytes/units.ts';
import { Corrupt, PageMissing } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { ContainedDump, MappedRange } from './dump.ts';
import {
  DUMP_ELF_INCOMPLETE,
  EM_LOONGARCH,
  EM_PPC64,
  EM_RISCV,
  PT_LOAD,
  PT_NOTE,
} from './elf-constants.ts';
import { type ElfHeader, type ProgramHeader, readElfHeader } from './elf-header.ts';
import { notes, vmcoreinfoTexts } from './notes.ts';
import { type PhysicalMemory, SCAN_HEAD, SCAN_STEP } from './physical-memory.ts';

const SCAN_CHUNK = 1 << 20;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** @throws Corrupt, Unsupported or LimitExceeded when the headers are impossible. */
export function openElfCore(source: ByteSource, limits: Limits): ContainedDump {
  const header = readElfHeader(source, limits);
  const stored = new ExtentBuilder();
  const claims = new ExtentBuilder();
  const mapped: MappedRange[] = [];
  let end = 0;
  for (const segment of header.segments) {
    if (segment.type !== PT_LOAD || !isStored(segment)) continue;
    stored.add(Number(segment.physical), Number(segment.fileSize), Number(segment.offset));
    claims.add(Number(segment.offset), Number(segment.fileSize), Number(segment.physical));
    end = Math.max(end, Number(segment.offset + segment.fileSize));
    if (segment.virtual !== 0n && segment.virtual !== segment.physical) {
      mapped.push({
        virtual: virtAddr(segment.virtual),
        physical: physAddr(segment.physical),
        length: segment.memorySize,
      });
    }
  }
  return {
    container: 'elf',
    order: header.order,
    machine: header.machine,
    vmcoreinfoNotes: noteTexts(source, header, limits),
    memory: segmentMemory(source, stored.build(limits), claims.build(limits)),
    incomplete: saysIncomplete(header) || end > source.size,
    hints: { physBase: undefined, mapped },
    compression: () => [],
  };
}

function isStored({ physical, offset, fileSize }: ProgramHeader): boolean {
  return fileSize > 0n && isSafe(physical, fileSize) && isSafe(offset, fileSize);
}

/** Whether the range can be reckoned with in numbers: past 2^53, `start + length` may be `start`. */
function isSafe(start: bigint, length: bigint | number): boolean {
  return start + BigInt(length) <= MAX_SAFE;
}

function noteTexts(source: ByteSource, header: ElfHeader, limits: Limits): Uint8Array[] {
  return header.segments
    .filter((segment) => segment.type === PT_NOTE)
    .flatMap(({ offset, fileSize }) => {
      if (!isSafe(offset, fileSize)) return [];
      const range = { offset: Number(offset), length: Number(fileSize) };
      const found = notes(source, header.order, range, limits);
      return vmcoreinfoTexts(source, found, limits);
    });
}

/** The bit means something else where the ABI owns it: RVC, the ELF ABI version, LP64D. */
function saysIncomplete({ machine, flags }: ElfHeader): boolean {
  if (machine === EM_RISCV || machine === EM_PPC64 || machine === EM_LOONGARCH) return false;
  return (flags & DUMP_ELF_INCOMPLETE) !== 0;
}

/**
 * @param segments by physical address.
 * @param claims the same by place in the file, each with its physical address for a file offset.
 */
function segmentMemory(source: ByteSource, segments: ExtentMap, claims: ExtentMap): PhysicalMemory {
  return {
    read(address, length): Uint8Array {
      const start = Number(address);
      const parts = isSafe(address, length) ? segments.within(start, length) : [];
      if (parts.length === 0 || !coversRange(parts, start, length)) {
        throw new PageMissing(
          'page_excluded',
          `elf: physical address ${hex(address)}`,
          `${length} bytes are in no segment`,
        );
      }
      for (const part of parts) {
        requireHeld(source, address, part.fileOffset, part.length);
        requireOwn(claims, part);
      }
      const [only] = parts;
      if (parts.length === 1 && only) return source.read(only.fileOffset, length);
      const bytes = new Uint8Array(length);
      for (const part of parts) {
        bytes.set(source.read(part.fileOffset, part.length), part.start - start);
      }
      return bytes;
    },
    *findPages(matches): Generator<PhysAddr> {
      for (const { start, length, fileOffset } of segments.all()) {
        const first = Math.ceil(start / SCAN_STEP) * SCAN_STEP - start;
        for (let at = first; at + SCAN_HEAD <= length; at += SCAN_CHUNK) {
          const chunkLength = Math.min(SCAN_CHUNK, length - at, source.size - fileOffset - at);
          if (chunkLength < SCAN_HEAD) break;
          const chunk = source.read(fileOffset + at, chunkLength);
          for (let page = 0; page + SCAN_HEAD <= chunkLength; page += SCAN_STEP) {
            if (matches(chunk.subarray(page, page + SCAN_HEAD))) yield physAddr(start + at + page);
          }
        }
      }
    },
  };
}

function requireHeld(source: ByteSource, address: PhysAddr, offset: number, length: number): void {
  if (source.holds(offset, length)) return;
  const what = inRange(source.size, offset, length) ? 'a hole of the stream' : 'past its end';
  throw new PageMissing(
    'page_lost',
    `elf: physical address ${hex(address)}`,
    `${length} bytes at file offset ${hex(offset)} are ${what}`,
  );
}

/**
 * Bytes that two segments place at different addresses are not to be believed: an offset is damaged.
 * QEMU gives memory that is mapped twice two segments, of the same bytes at the same address.
 */
function requireOwn(claims: ExtentMap, { start, length, fileOffset }: Extent): void {
  for (const claim of claims.within(fileOffset, length)) {
    const claimed = claim.fileOffset + (fileOffset - claim.start);
    if (claimed === start) continue;
    throw new Corrupt(
      'corrupt',
      `elf: file offset ${hex(fileOffset)}`,
      `got segments for addresses ${hex(start)} and ${hex(claimed)}, want one`,
    );
  }
}
