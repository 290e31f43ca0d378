// Which pages of a dump a decode can need: found by decoding it from a memory that takes notes.

import { bytesSource } from '../../../../src/vmcore/bytes/source.ts';
import { ascii, hasBytesAt } from '../../../../src/vmcore/bytes/text.ts';
import { type PhysAddr, type VirtAddr, addVirt } from '../../../../src/vmcore/bytes/units.ts';
import type { Dump } from '../../../../src/vmcore/container/dump.ts';
import { openDump } from '../../../../src/vmcore/container/open.ts';
import { PageMissing } from '../../../../src/vmcore/errors.ts';
import { readCounters } from '../../../../src/vmcore/hwerr/counters.ts';
import { DEFAULT_LIMITS } from '../../../../src/vmcore/limits.ts';
import type { Kernel } from '../../../../src/vmcore/kernel.ts';
import { identifyKernel } from '../../../../src/vmcore/running-kernel.ts';
import { newestEntries, readLog } from '../../../../src/vmcore/printk/log.ts';
import { kallsymsTables, namesTables } from '../../../../src/vmcore/symbols/kallsyms-tables.ts';
import { Kallsyms } from '../../../../src/vmcore/symbols/kallsyms.ts';
import type { SymbolFile } from '../../../../src/vmcore/symbols/symbol-files.ts';

/**
 * `touched`: the pages that today's search visits. `tables`: also the kallsyms tables from end to
 * end, so that any other search, and a walk over all names, finds what it needs. `log`: what the
 * search visits, and the end of the log; `whole-log`: and all of it.
 */
export type Keep = 'touched' | 'tables' | 'log' | 'whole-log';

/** Physical addresses of 4 KiB pages. */
export type PageSet = ReadonlySet<number>;

export const PAGE = 4096;

/**
 * @param file a whole dump, not a flattened one.
 * @param symbols files that a decode may be given; what it takes without them is kept too.
 */
export function neededPages(
  file: Uint8Array,
  keep: Keep,
  symbols: readonly SymbolFile[] = [],
): PageSet {
  const dump = openDump(bytesSource(file), DEFAULT_LIMITS);
  const pages = new Set<number>();
  const kernel = identifyKernel(noting(dump, pages), DEFAULT_LIMITS);
  for (const symbolFiles of [[], symbols]) {
    const options = { limits: DEFAULT_LIMITS, symbolFiles: () => symbolFiles };
    readCounters(kernel, options, () => undefined);
  }
  if (kernel.foundIn === 'scanned') noteVmcoreinfoCopies(dump, pages);
  readAroundTheArray(kernel);
  if (keep === 'tables') readTables(kernel);
  if (keep === 'log') readEndOfLog(kernel);
  if (keep === 'whole-log') readLog(kernel);
  return pages;
}

/** From the newest record back to the panic. */
function readEndOfLog(kernel: Kernel): void {
  for (const entry of newestEntries(kernel)) {
    if (entry.kind === 'record' && entry.record.text.startsWith('Kernel panic')) return;
  }
}

/** The dump, with every page that is read from its memory put down in `pages`. */
function noting(dump: Dump, pages: Set<number>): Dump {
  return {
    ...dump,
    memory: {
      read(address, length): Uint8Array {
        const bytes = dump.memory.read(address, length);
        note(pages, address, length);
        return bytes;
      },
      whyUnwritten(address, length): string | undefined {
        note(pages, address, length);
        return dump.memory.whyUnwritten(address, length);
      },
      findPages: (which, matches) => dump.memory.findPages(which, matches),
    },
  };
}

function note(pages: Set<number>, address: PhysAddr, length: number): void {
  const end = Number(address) + length;
  for (let page = Number(address) - (Number(address) % PAGE); page < end; page += PAGE) {
    pages.add(page);
  }
}

/** Every page with a VMCOREINFO text, not only the first one that holds. */
function noteVmcoreinfoCopies(dump: Dump, pages: Set<number>): void {
  const text = ascii('OSRELEASE=');
  const hasText = (head: Uint8Array): boolean => [0, 24].some((at) => hasBytesAt(head, at, text));
  for (const which of ['text', 'rest'] as const) {
    for (const page of dump.memory.findPages(which, hasText)) note(pages, page, PAGE);
  }
}

/** The pages on either side of the array, and the code that fills it, as far as they are there. */
function readAroundTheArray(kernel: Kernel): void {
  if (!namesTables(kernel.vmcoreinfo)) return;
  const kallsyms = Kallsyms.open(kernel.vmcoreinfo, kernel.memory, DEFAULT_LIMITS);
  const array = kallsyms.find('hwerr_data');
  const code = kallsyms.find('hwerr_log_error_type');
  if (array === undefined || code === undefined) return;
  for (const address of [
    addVirt(array.address, -PAGE),
    addVirt(array.address, PAGE),
    code.address,
  ]) {
    readIfThere(kernel, address, 128);
  }
}

function readIfThere(kernel: Kernel, address: VirtAddr, length: number): void {
  try {
    kernel.memory.read(address, length);
  } catch (error) {
    if (!(error instanceof PageMissing)) throw error;
  }
}

/** Names, markers and tokens; offsets and the order by name. */
function readTables({ vmcoreinfo, memory }: Kernel): void {
  const tables = kallsymsTables(vmcoreinfo, memory, DEFAULT_LIMITS);
  const { names, tokenTable, offsets, relativeBaseAt, count } = tables;
  if (offsets === undefined) throw new Error('want kallsyms_offsets, got kallsyms_addresses');
  const offsetsEnd = addVirt(offsets, 4 * count);
  const seqs = relativeBaseAt === undefined ? offsetsEnd : addVirt(relativeBaseAt, 8);
  memory.read(names, Number(tokenTable - names));
  memory.read(offsets, Number(seqs - offsets) + 3 * count);
}
