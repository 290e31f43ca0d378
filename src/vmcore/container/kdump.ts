// A kdump-compressed file as a dump: its header, its notes, its pages.
// Makers: makedumpfile -c, -l, -p, -z and none of them; QEMU and libvirt dump-guest-memory.

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

/** @throws Corrupt or LimitExceeded when the headers are impossible. */
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
 * A part of a split dump may have no pages, a dump with pages of zeros may end with many, and a copy may be
 * filled up behind its last page: all as written.
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
    file.holds(descriptors, DESCRIPTOR_BYTES) && !isZero(file.read(descriptors, DESCRIPTOR_BYTES));
  return writtenPart(file, blockSize, isBehindBitmaps ? descriptors : 0);
}

/** The parts of one dump agree in what was written before it was split. */
function partOf(header: KdumpHeader, texts: readonly Uint8Array[]): SplitPart | undefined {
  if (!header.split) return undefined;
  const { utsname, maxPfn, startPfn, endPfn, firstPfn, blockSize } = header;
  return {
    dump: [...utsname, String(maxPfn), ...texts.map(cString)].join('\n'),
    start: (startPfn + firstPfn) * blockSize,
    end: (endPfn + firstPfn) * blockSize,
  };
}

/** For 32-bit machines, which have no key for it; QEMU writes it too, blank or right. */
function ramStart({ order, physBase }: KdumpHeader, pages: KdumpPages): bigint | undefined {
  if (order.wordBits === 64) return undefined;
  return physBase === 0n ? pages.lowestAddress() : physBase;
}

/** VMCOREINFO's text is that which the sub header points at; failing that, those among the notes. */
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
