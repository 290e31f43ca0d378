// LMDB's data file, looked at and prepared from outside. LMDB maps the file and trusts it: a file that
// is shorter than it says kills the process with SIGBUS, and a failed write inside a commit corrupts
// the heap of lmdb 3.5.6 (measured with a full tmpfs: an error text overflows its buffer). So the file
// is checked before it is mapped, and room is made, by plain writes that fail as they should, before
// every commit.

import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../failure.ts';
import { StoreError } from './store-error.ts';

const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';
const SET_ASIDE = 'damaged-';
const PAGE = 4096;
/** Allocated beyond what LMDB uses: more than one commit can take, with the pages it copies. */
const RESERVE = 4 * 2 ** 20;

// struct MDB_meta behind a page header, as lmdb 3 writes it (data version 2, 64 bit, little endian).
const MAGIC = { at: 24, value: 0xbeefc0de };
const VERSION = { at: 28, value: 2 };
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;

/** Whether a ledger is there; true as well where that cannot be found out. */
export function hasData(directory: string): boolean {
  try {
    lstatSync(join(directory, DATA_FILE));
    return true;
  } catch (error) {
    return errorCode(error) !== 'ENOENT';
  }
}

/** @throws StoreError. */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw StoreError.from(directory, error);
  }
}

/**
 * Look at the two meta pages.
 *
 * @returns the pages that LMDB uses; 0 when there is no ledger yet, or an empty file.
 * @throws StoreError `damaged` when LMDB must not map it.
 */
export function checkDataFile(directory: string): number {
  const path = join(directory, DATA_FILE);
  if (!hasData(directory)) return 0;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return 0;
    const head = new DataView(new ArrayBuffer(2 * PAGE));
    const got = readSync(fd, head, 0, 2 * PAGE, 0);
    if (got < 2 * PAGE) throw new StoreError('damaged', `${path}: ends within its header`);
    const metas = [0, PAGE].map((page) => new DataView(head.buffer, page, PAGE));
    return Math.max(...metas.map((meta) => usedPages(path, meta, size)));
  } finally {
    closeSync(fd);
  }
}

function usedPages(path: string, meta: DataView, size: number): number {
  const magic = meta.getUint32(MAGIC.at, true);
  const version = meta.getUint32(VERSION.at, true) & 0xffff;
  const pageSize = meta.getUint32(PAGE_SIZE_AT, true);
  if (magic !== MAGIC.value || version !== VERSION.value || pageSize !== PAGE) {
    throw new StoreError('damaged', `${path}: its header is not one of LMDB`);
  }
  const used = Number(meta.getBigUint64(LAST_PAGE_AT, true)) + 1;
  if (used * PAGE <= size) return used;
  throw new StoreError('damaged', `${path}: has ${size} bytes, its header wants ${used * PAGE}`);
}

/**
 * Make sure that a commit finds its blocks allocated, and that the file can be written at all.
 *
 * @param usedPages pages that LMDB uses or may read: never written to.
 * @throws StoreError `full`, `read_only` or `io`; LMDB has not been touched then.
 */
export function makeRoom(directory: string, usedPages: number): void {
  const path = join(directory, DATA_FILE);
  try {
    const fd = openSync(path, 'r+');
    try {
      const wanted = usedPages * PAGE + RESERVE;
      const { size } = fstatSync(fd);
      if (size < wanted) {
        fill(fd, size, wanted + RESERVE);
        fsyncSync(fd);
      } else {
        // A page of the reserve, written again: a file system that went read-only is noticed.
        const lastPage = (Math.floor(size / PAGE) - 1) * PAGE;
        fill(fd, lastPage, lastPage + PAGE);
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw StoreError.from(path, error);
  }
}

/**
 * All that could go wrong with opening the ledger to write, or making it: tried before LMDB does it.
 *
 * @returns whether there is one already.
 * @throws StoreError.
 */
export function prepare(directory: string): boolean {
  makeDirectory(directory);
  const usedPages = checkDataFile(directory);
  if (usedPages === 0) tryRoom(directory);
  else makeRoom(directory, usedPages);
  return usedPages > 0;
}

/** Whether a new ledger would find room here: tried, for LMDB itself must not run into the wall. */
function tryRoom(directory: string): void {
  const path = join(directory, 'room.tmp');
  try {
    const fd = openSync(path, 'w', 0o600);
    try {
      fill(fd, 0, 2 * RESERVE);
    } finally {
      closeSync(fd);
      rmSync(path, { force: true });
    }
  } catch (error) {
    throw StoreError.from(directory, error);
  }
}

function fill(fd: number, from: number, to: number): void {
  const zeros = new Uint8Array(Math.min(to - from, 2 ** 20));
  for (let at = from; at < to;) at += writeSync(fd, zeros, 0, Math.min(zeros.length, to - at), at);
}

/** Make the names in a directory durable: its files are not enough for that. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Put damaged files where they harm nothing and can be examined. @returns the new name. */
export function setAside(directory: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-');
  const name = join(directory, `${SET_ASIDE}${stamp}.mdb`);
  renameSync(join(directory, DATA_FILE), name);
  rmSync(join(directory, LOCK_FILE), { force: true });
  return name;
}

/** Damaged ledgers that nobody has taken away yet; none where there is no directory that can be read. */
export async function setAsideCount(directory: string): Promise<number> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.filter((name) => name.startsWith(SET_ASIDE)).length;
}
