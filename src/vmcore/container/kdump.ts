// A kdump-compressed file as a dump: header, notes, pages.
// Written by: makedumpfile -c, -l, -p, -z and none of them; QEMU and libvirt dump-guest-memory.

import { type ByteSource, inRange } from '../bytes/source.ts';
import { cString } from '../bytes/text.ts';
import { type WrittenPart, isZero, writtenPart } from '../bytes/unwritten.ts';
import { compressionsOf } from '../codec/page-codec.ts';
import type { Limits } from '../limits.ts';
import type { ContainedDump, SplitPart } from './dump.ts';
import { DESCRIPTOR_BYTES } from './kdump-descriptors.ts';
import { type KdumpHeader, MIN_BLOCK, STATUS_INCOMPLETE, readKdumpHeader } from './kdump-header.ts';
import { KdumpPages } from './kdump-pages.ts';
import { CoreNotes } from '../elf/core-notes.ts';
import type { PageHook } from '../memory/physical-memory.ts';

/** @throws Corrupt or LimitExceeded if the headers are impossible. */
export function openKdump(file: ByteSource, limits: Limits, onPage?: PageHook): ContainedDump {
  const start = writtenPart(file, MIN_BLOCK);
  const header = readKdumpHeader(start, limits);
  const source = writtenSource(file, start, header, limits);
  const { unwritten } = source;
  const pages = new KdumpPages(source, header, limits, onPage);
  const { texts: vmcoreinfoNotes, cpuPageTables, areCut } = notesOf(source, header, limits);
  const brokeOff = (header.status & STATUS_INCOMPLETE) !== 0;
  if (!brokeOff && !pages.isCutInBitmap) pages.checkBitmap();
  return {
    container: 'kdump',
    order: header.order,
    machine: header.machine === 'Unknown' || header.machine === '' ? undefined : header.machine,
    utsname: header.utsname,
    vmcoreinfoNotes,
    memory: pages,
    addressing: 'physical',
    incomplete: brokeOff || pages.isCutShort || areCut || header.isCut,
    ...(unwritten !== undefined && { unwritten }),
    hints: {
      // QEMU parses phys_base in the wrong base.
      physBase: header.byMakedumpfile ? header.physBase : undefined,
      ramStart: ramStart(header, pages),
      mapped: [],
      cpuPageTables,
    },
    part: partOf(header, vmcoreinfoNotes),
    compression: () => compressionsOf(header.status | pages.flagsSeen),
  };
}

/**
 * Returns the written part of the file. Zeros at the end are legitimate in a part of a split dump without pages, in a
 * dump that ends with pages of zeros, and in a copy padded after its last page.
 */
function writtenSource(
  file: ByteSource,
  start: WrittenPart,
  header: KdumpHeader,
  limits: Limits,
): WrittenPart {
  const { split, leavesOutZeros, blockSize, descriptors } = header;
  if (start === file || split || !leavesOutZeros) return file;
  if (new KdumpPages(file, header, limits).hasLastPage()) return file;
  // The bitmaps of a large machine have long runs of zeros.
  const isBehindBitmaps =
    file.contains(descriptors, DESCRIPTOR_BYTES) &&
    !isZero(file.read(descriptors, DESCRIPTOR_BYTES));
  return writtenPart(file, blockSize, isBehindBitmaps ? descriptors : 0);
}

/** Returns what all parts of a split dump have in common. */
function partOf(header: KdumpHeader, texts: readonly Uint8Array[]): SplitPart | undefined {
  if (!header.split) return undefined;
  const { utsname, maxPfn, startPfn, endPfn, firstPfn, blockSize } = header;
  return {
    dump: [...utsname, String(maxPfn), ...texts.map(cString)].join('\n'),
    start: (startPfn + firstPfn) * blockSize,
    end: (endPfn + firstPfn) * blockSize,
  };
}

/** Used for 32-bit machines, which have no key for it; QEMU also writes it, empty or correct. */
function ramStart({ order, physBase }: KdumpHeader, pages: KdumpPages): bigint | undefined {
  if (order.wordBits === 64) return undefined;
  return physBase === 0n ? pages.lowestAddress() : physBase;
}

/** Takes VMCOREINFO from the range in the sub header, otherwise from the notes. */
function notesOf(
  source: ByteSource,
  header: KdumpHeader,
  limits: Limits,
): Pick<CoreNotes, 'texts' | 'cpuPageTables' | 'areCut'> {
  const { vmcoreinfo, notes: noteRange, order } = header;
  const notes = new CoreNotes(source, order, limits);
  if (noteRange !== undefined) notes.take(noteRange);
  notes.requireNoXen();
  if (vmcoreinfo === undefined || vmcoreinfo.length > limits.vmcoreinfoBytes) return notes;
  const { offset, length } = vmcoreinfo;
  if (!inRange(source.size, offset, length)) return notes;
  const text = source.read(offset, length);
  return { texts: [text], cpuPageTables: notes.cpuPageTables, areCut: notes.isCut(text, offset) };
}
