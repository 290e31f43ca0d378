// /proc/kcore: the memory of the running kernel as an ELF core, by virtual address (fs/proc/kcore.c). Its
// segments are whole regions of the address space, terabytes in size, and its offsets exceed 2^53 if
// addresses have 57 bits. Unmapped addresses in a segment read as zeros, so a kernel must be proven by its
// utsname.

import { limited } from '../bytes/cursor.ts';
import { type ByteSource, inRange } from '../bytes/source.ts';
import { hex } from '../bytes/units.ts';
import { PageMissing } from '../errors.ts';
import { CAPS, type Limits } from '../limits.ts';
import type { Dump } from './dump.ts';
import { PT_LOAD } from '../elf/elf-constants.ts';
import { type ProgramHeader, readElfHeader } from '../elf/elf-header.ts';
import { CoreNotes } from '../elf/core-notes.ts';

/** The maximum file offset plus one (loff_t). */
const OFFSET_END = 1n << 63n;
const ADDRESS_END = 1n << 64n;

/** A file without a known size. */
export interface KcoreSource {
  /** Returns exactly `length` bytes at `offset`. @throws Corrupt (`truncated`) if there are fewer. */
  read(offset: bigint, length: number): Uint8Array;
}

/** Opens /proc/kcore. @throws Corrupt, Unsupported or LimitExceeded if the headers are invalid. */
export function openKcore(source: KcoreSource, limits: Limits): Dump {
  const head = headOf(source);
  const header = readElfHeader(head, limits);
  const regions: ProgramHeader[] = [];
  const notes = new CoreNotes(head, header.order, limits);
  for (const segment of header.segments()) {
    notes.takeSegment(segment);
    const { type, virtual, offset, fileSize } = segment;
    if (type !== PT_LOAD || virtual + fileSize > ADDRESS_END || offset + fileSize > OFFSET_END) {
      continue;
    }
    regions.push(segment);
    limited('kcore: segments', regions.length, CAPS.kcoreSegments);
  }
  return {
    container: 'elf',
    flattened: false,
    order: header.order,
    machine: header.machine,
    utsname: [],
    vmcoreinfoNotes: notes.texts,
    memory: {
      read: (address, length) => source.read(offsetOf(regions, address, length), length),
      whyUnwritten: () => undefined,
      findPages: () => [],
    },
    addressing: 'virtual',
    incomplete: false,
    hints: { physBase: undefined, ramStart: undefined, mapped: [], cpuPageTables: [] },
    part: undefined,
    compression: () => [],
  };
}

/** Returns the start of the file, with headers and notes, as a source. */
function headOf(source: KcoreSource): ByteSource {
  const size = CAPS.kcoreHeadBytes;
  return {
    size,
    read: (offset, length) => source.read(BigInt(offset), length),
    contains: (offset, length) => inRange(size, offset, length),
  };
}

/** Returns the file offset of a range. @throws PageMissing if no segment contains all of it. */
function offsetOf(regions: readonly ProgramHeader[], address: bigint, length: number): bigint {
  for (const { virtual, offset, fileSize } of regions) {
    const into = address - virtual;
    if (into >= 0n && into + BigInt(length) <= fileSize) return offset + into;
  }
  throw new PageMissing(
    'page_excluded',
    `kcore: address ${hex(address)}`,
    `${length} bytes are in no segment`,
  );
}
