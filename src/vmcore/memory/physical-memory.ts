// The dumped machine's physical memory, whatever container its pages came in.

import type { PhysAddr } from '../bytes/units.ts';

/** Bytes by physical address, from whichever container; any of them may be missing. */
export interface PhysicalMemory {
  /**
   * `length` bytes at `address`; never to be written to. Pages known to be zero read as zeros.
   *
   * @throws PageMissing when a byte was filtered out of the dump or lost with its end.
   * @throws Corrupt when the container contradicts itself on the way there.
   */
  read(address: PhysAddr, length: number): Uint8Array;
  /**
   * Why the bytes, as far as they are zeros, may never have been written: the dump does not say
   * that they are zero, and its copy may have broken off before them. undefined: they are zero.
   *
   * @throws as read().
   */
  whyUnwritten(address: PhysAddr, length: number): string | undefined;
  /**
   * Addresses of 4 KiB pages whose first SCAN_HEAD bytes `matches`; pages that are missing or broken
   * are passed over.
   *
   * @param which `text`: the pages that compress like a page of text and zeros, where that can be
   *   told; `rest`: the others.
   */
  findPages(which: 'text' | 'rest', matches: (head: Uint8Array) => boolean): Iterable<PhysAddr>;
}

/** Bytes of a page that a scan looks at. */
export const SCAN_HEAD = 40;

/** The smallest page size of any architecture with kdump: the step of a scan. */
export const SCAN_STEP = 4096;

/**
 * Called for each page that is decompressed (or, where pages are stored as they are, read): `page`
 * for a whole one, `head` for the first bytes that a search looks at. For benchmarks and tests.
 */
export type PageHook = (what: 'page' | 'head') => void;
