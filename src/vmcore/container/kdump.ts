// A kdump-compressed file as a dump: its header, its notes, its pages.
// Makers: makedumpfile -c, -l, -p, -z and none of them; QEMU and libvirt dump-guest-memory.

import { type ByteSource, inRange } from '../bytes/source.ts';
import { compressionsOf } from '../codec/page-codec.ts';
import type { Limits } from '../limits.ts';
import type { ContainedDump } from './dump.ts';
import { type KdumpHeader, STATUS_INCOMPLETE, readKdumpHeader } from './kdump-header.ts';
import { KdumpPages } from './kdump-pages.ts';
import { notes, vmcoreinfoTexts } from './notes.ts';
import type { DecodeCost } from './physical-memory.ts';

/** @throws Corrupt or LimitExceeded when the headers are impossible. */
export function openKdump(source: ByteSource, cost: DecodeCost, limits: Limits): ContainedDump {
  const header = readKdumpHeader(source, limits);
  const pages = new KdumpPages(source, header, cost, limits);
  // QEMU leaves the utsname blank but for the machine, and parses phys_base in the wrong base.
  const madeByMakedumpfile = header.sysname !== '';
  return {
    container: 'kdump',
    order: header.order,
    machine: header.machine === 'Unknown' || header.machine === '' ? undefined : header.machine,
    vmcoreinfoNotes: noteTexts(source, header, limits),
    memory: pages,
    addressing: 'physical',
    incomplete: (header.status & STATUS_INCOMPLETE) !== 0 || pages.isCutShort,
    hints: {
      physBase: madeByMakedumpfile ? header.physBase : undefined,
      ramStart: ramStart(header, pages),
      mapped: [],
    },
    compression: () => compressionsOf(header.status | pages.flagsSeen),
  };
}

/** For 32-bit machines, which have no key for it; QEMU writes it too, blank or right. */
function ramStart({ order, physBase }: KdumpHeader, pages: KdumpPages): bigint | undefined {
  if (order.wordBits === 64) return undefined;
  return physBase === 0n ? pages.lowestAddress() : physBase;
}

/** The text the sub header points at; failing that, those among the notes. */
function noteTexts(source: ByteSource, header: KdumpHeader, limits: Limits): Uint8Array[] {
  const { vmcoreinfo, notes: noteRange, order } = header;
  if (vmcoreinfo !== undefined && vmcoreinfo.length <= limits.vmcoreinfoBytes) {
    const { offset, length } = vmcoreinfo;
    if (inRange(source.size, offset, length)) return [source.read(offset, length)];
  }
  if (noteRange === undefined) return [];
  const found = notes(source, order, noteRange, limits);
  return vmcoreinfoTexts(source, found, limits);
}
