// /proc/kcore: the memory of the running kernel as an ELF core, by virtual address (fs/proc/kcore.c).
// Its segments are whole regions of the address space, terabytes of them, and its offsets go beyond
// 2^53 where addresses have 57 bits. What lies in a segment and is not mapped reads as zeros, so
// nothing is believed of a kernel that its utsname has not proven.

import { limited } from '../bytes/cursor.ts';
import { type ByteSource, inRange } from '../bytes/source.ts';
import { hex } from '../bytes/units.ts';
import { PageMissing } from '../errors.ts';
import { CAPS, type Limits } from '../limits.ts';
import type { Dump } from './dump.ts';
import { PT_LOAD } from '../elf/elf-constants.ts';
import { type ProgramHeader, readElfHeader } from '../elf/elf-header.ts';
import { CoreNotes } from '../elf/core-notes.ts';

/** The largest file offset there is, plus one (loff_t). */
const OFFSET_END = 1n << 63n;
const ADDRESS_END = 1n << 64n;

/** A file that has no size to go by. */
export interface KcoreSource {
  /** Exactly `length` bytes at `offset`. @throws Corrupt (`truncated`) when there are less. */
  read(offset: bigint, length: number): Uint8Array;
}

/** @throws Corrupt, Unsupported or LimitExceeded when the headers are impossible. */
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

/** Where the headers and notes are. */
function headOf(source: KcoreSource): ByteSource {
  const size = CAPS.kcoreHeadBytes;
  return {
    size,
    read: (offset, length) => source.read(BigInt(offset), length),
    holds: (offset, length) => inRange(size, offset, length),
  };
}

/** @throws PageMissing when no region has the whole range. */
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
