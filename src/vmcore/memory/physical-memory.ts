// The dumped machine's physical memory, independent of the container.

import type { PhysAddr } from '../bytes/units.ts';

/** Memory by physical address; any byte may be missing. */
export interface PhysicalMemory {
  /**
   * Returns `length` bytes at `address`, which must not be modified. Pages known to be zero read as zeros.
   *
   * @throws PageMissing if a byte was filtered out of the dump or lost with its end.
   * @throws Corrupt if the container contradicts itself on the way.
   */
  read(address: PhysAddr, length: number): Uint8Array;
  /**
   * Returns why zeros in this range may never have been written: the dump does not mark them as zero, and its
   * copy may be truncated before them. undefined: they are really zero.
   *
   * @throws as read().
   */
  whyUnwritten(address: PhysAddr, length: number): string | undefined;
  /**
   * Returns the addresses of 4 KiB pages whose first SCAN_HEAD bytes match; skips missing and broken pages.
   *
   * @param which `text`: pages that compress like text and zeros, if that is known; `rest`: all others.
   */
  findPages(which: 'text' | 'rest', matches: (head: Uint8Array) => boolean): Iterable<PhysAddr>;
}

/** Number of bytes of a page that a scan examines. */
export const SCAN_HEAD = 40;

/** Step of a scan: the smallest page size of all architectures with kdump. */
export const SCAN_STEP = 4096;

/**
 * Called for each page that is decompressed (or read, if stored uncompressed): `page` for a whole one, `head`
 * for the first bytes that a search examines. For benchmarks and tests.
 */
export type PageHook = (what: 'page' | 'head') => void;
