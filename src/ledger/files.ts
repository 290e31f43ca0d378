// The ledger's files from outside: where they are, why the file system refuses them, how damaged ones
// are set aside.

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
/** What SQLite keeps beside a database. */
const COMPANIONS = ['-wal', '-shm'] as const;
const SET_ASIDE = 'damaged-';
/** Which file the database was when the ledger was closed. */
const CLOSED = 'ledger.closed';
/** The data file of 0.1.0, which was never released. */
const LMDB_FILE = 'data.mdb';

/** Where the database of the ledger in `directory` is, or would be. */
export function databasePath(directory: string): string {
  return join(directory, DATABASE);
}

/** Whether a ledger is there; true as well where that cannot be found out. */
export function hasLedger(directory: string): boolean {
  const database = databasePath(directory);
  return exists(database) || exists(`${database}-wal`);
}

/** The path of a ledger of 0.1.0; undefined where there is none. */
export function oldLedger(directory: string): string | undefined {
  const path = join(directory, LMDB_FILE);
  return exists(path) ? path : undefined;
}

/** Whether anything has this path, even a broken link; true where that cannot be found out. */
export function exists(path: string): boolean {
  try {
    lstatSync(path);
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

/** More than SQLite writes at a time. */
const PROBE_BYTES = 2 ** 20;

/**
 * Find out by plain system calls what keeps SQLite from writing: it does not say which error it got.
 *
 * @throws what they throw; returns where nothing is wrong.
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

/** Whether what was committed last is in the WAL, perhaps. */
export function hasWal(directory: string): boolean {
  return exists(`${databasePath(directory)}-wal`);
}

/** Note that the ledger was closed, and is sound. @throws what system calls throw. */
export function noteClosed(directory: string): void {
  writeFileSync(join(directory, CLOSED), stateOf(directory), { mode: 0o640 });
}

/**
 * Whether nobody wrote to the ledger since noteClosed(). Said once: whoever is told so and finds it damaged
 * leaves the next one to check it.
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
    // Where it cannot be removed, no damaged ledger can be set aside either.
  }
  return true;
}

/** Whoever writes to a file, or puts another in its place, changes one of its numbers. */
function stateOf(directory: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(databasePath(directory), { bigint: true });
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}

/**
 * Read the ledger through by plain system calls: SQLite calls a file malformed as well when the disk gives
 * an error for a part of it.
 *
 * @throws what they throw.
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

/** Why the ledger cannot be read: `damaged` only where its files can be. */
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

/** Of the header of a database (sqlite.org/fileformat.html, 1.3), whatever its WAL says. */
export interface DatabaseHeader {
  /** 1: rollback journal, 2: WAL; SQLite lets nobody write a file with a higher one. */
  readonly writeVersion: number;
  readonly applicationId: number;
}

/** @returns undefined for a file that ends before its header does. */
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

/** Make the names in a directory durable: its files are not enough for that. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Put a damaged ledger where it harms nothing and can be examined.
 *
 * @returns the new name of its database.
 */
export function setAside(directory: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-');
  const database = databasePath(directory);
  const name = join(directory, `${SET_ASIDE}${stamp}.db`);
  // The database first: what a kill leaves behind then is a WAL without one, which is damaged too.
  for (const companion of ['', ...COMPANIONS]) {
    if (exists(`${database}${companion}`)) {
      renameSync(`${database}${companion}`, `${name}${companion}`);
    }
  }
  syncDirectory(directory);
  return name;
}

/** Damaged ledgers that are still there; none where there is no directory that can be read. */
export async function setAsideCount(directory: string): Promise<number> {
  const names = await readdir(directory).catch((): string[] => []);
  const ledgers = names
    .filter((name) => name.startsWith(SET_ASIDE))
    .map((name) => name.replace(/-(wal|shm)$/, ''));
  return new Set(ledgers).size;
}
