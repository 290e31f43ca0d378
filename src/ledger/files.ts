// The ledger's files as the file system sees them: paths, reasons why they cannot be used, setting damaged ones
// aside.

import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../failure.ts';
import { StoreError } from './store-error.ts';

const DATABASE = 'ledger.db';
/** Suffixes of the files that SQLite keeps beside a database. */
const COMPANIONS = ['-wal', '-shm'] as const;
const SET_ASIDE = 'damaged-';
/** Records which state the database had when the ledger was closed. */
const CLOSED = 'ledger.closed';
/** The data file of 0.1.0, which was never released. */
const LMDB_FILE = 'data.mdb';

/** Returns the path of the database, whether it exists or not. */
export function databasePath(directory: string): string {
  return join(directory, DATABASE);
}

/** Whether a ledger exists; also true if that cannot be determined. */
export function hasLedger(directory: string): boolean {
  const database = databasePath(directory);
  return exists(database) || exists(`${database}-wal`);
}

/** Returns the path of a ledger of 0.1.0; undefined if there is none. */
export function oldLedger(directory: string): string | undefined {
  const path = join(directory, LMDB_FILE);
  return exists(path) ? path : undefined;
}

/** Whether the path exists, even as a broken link; also true if that cannot be determined. */
export function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ENOENT';
  }
}

/** Creates the directory and its parents. @throws StoreError. */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw StoreError.from(directory, error);
  }
}

/** More than SQLite writes at once. */
const PROBE_BYTES = 2 ** 20;

/**
 * Finds out with plain system calls why SQLite cannot write, because it does not report the error number.
 * Returns normally if nothing is wrong.
 *
 * @throws the error of the system call.
 */
export function probe(directory: string): void {
  const database = databasePath(directory);
  if (exists(database)) closeSync(openSync(database, 'r+'));
  const path = join(directory, 'probe.tmp');
  const fd = openSync(path, 'w', 0o600);
  try {
    const zeros = new Uint8Array(PROBE_BYTES);
    for (let at = 0; at < zeros.length;) at += writeSync(fd, zeros, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
    rmSync(path, { force: true });
  }
}

/** Whether a WAL exists, which may have the last commits. */
export function hasWal(directory: string): boolean {
  return exists(`${databasePath(directory)}-wal`);
}

/** Records that the ledger was closed and is sound. @throws the error of a system call. */
export function noteClosed(directory: string): void {
  writeFileSync(join(directory, CLOSED), stateOf(directory), { mode: 0o640 });
}

/**
 * Whether the ledger was not written since noteClosed(). True only once: the note is removed, so that a
 * process that then finds the ledger damaged leaves a check to the next one.
 */
export function wasClosed(directory: string): boolean {
  const note = join(directory, CLOSED);
  try {
    if (hasWal(directory) || readFileSync(note, 'utf8') !== stateOf(directory)) return false;
  } catch {
    return false;
  }
  try {
    rmSync(note);
  } catch {
    // If it cannot be removed, a damaged ledger cannot be set aside either.
  }
  return true;
}

/** Any write to the database, or its replacement, changes one of these numbers. */
function stateOf(directory: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(databasePath(directory), { bigint: true });
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}

/**
 * Reads the whole ledger with plain system calls, because SQLite also reports a read error of the disk as
 * malformed.
 *
 * @throws the error of the system call.
 */
function readThrough(directory: string): void {
  const bytes = new Uint8Array(PROBE_BYTES);
  for (const path of ['', ...COMPANIONS].map((suffix) => databasePath(directory) + suffix)) {
    if (!exists(path)) continue;
    const fd = openSync(path, 'r');
    try {
      for (let at = 0, count = 1; count > 0; at += count) {
        count = readSync(fd, bytes, 0, bytes.length, at);
      }
    } finally {
      closeSync(fd);
    }
  }
}

/** Returns why the ledger cannot be read: `damaged` only if its files can be read. */
export function readProblem(directory: string, error: unknown): StoreError {
  const path = databasePath(directory);
  const problem = StoreError.from(path, error);
  if (problem.problem !== 'damaged') return problem;
  try {
    readThrough(directory);
    return problem;
  } catch (reason) {
    return StoreError.from(path, reason);
  }
}

/** Fields of the header of a database (sqlite.org/fileformat.html, 1.3), read past its WAL. */
export interface DatabaseHeader {
  /** 1: rollback journal, 2: WAL; SQLite does not write files with a higher number. */
  readonly writeVersion: number;
  readonly applicationId: number;
}

/** @returns undefined if the file is shorter than its header. */
export function readHeader(database: string): DatabaseHeader | undefined {
  const fd = openSync(database, 'r');
  try {
    const bytes = new DataView(new ArrayBuffer(100));
    if (readSync(fd, bytes, 0, bytes.byteLength, 0) < bytes.byteLength) return undefined;
    return { writeVersion: bytes.getUint8(18), applicationId: bytes.getInt32(68) };
  } finally {
    closeSync(fd);
  }
}

/** Makes the names in a directory durable, which syncing its files does not. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Renames a damaged ledger, so that it can be examined.
 *
 * @returns the new path of its database.
 */
export function setAside(directory: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-');
  const database = databasePath(directory);
  const name = join(directory, `${SET_ASIDE}${stamp}.db`);
  // The database first: after a kill, a WAL without a database remains, which also counts as damaged.
  for (const companion of ['', ...COMPANIONS]) {
    if (exists(`${database}${companion}`)) {
      renameSync(`${database}${companion}`, `${name}${companion}`);
    }
  }
  syncDirectory(directory);
  return name;
}

/** Returns the number of damaged ledgers set aside; 0 if the directory cannot be read. */
export async function setAsideCount(directory: string): Promise<number> {
  const names = await readdir(directory).catch((): string[] => []);
  const ledgers = names
    .filter((name) => name.startsWith(SET_ASIDE))
    .map((name) => name.replace(/-(wal|shm)$/, ''));
  return new Set(ledgers).size;
}
