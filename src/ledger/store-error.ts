// What can be wrong with the ledger's files, chosen by what the operator does next.

import { constants } from 'node:os';
import { Unavailable, messageOf } from '../failure.ts';

export const STORE_PROBLEMS = [
  'full', // make room
  'read_only', // mount it writable, or give the exporter the right to write
  'io', // look at the disk
  'damaged', // nothing to be done for these files: they are set aside
  'newer', // written by a later version: do not go back
  'busy', // another daemon works with it
  'other_shard', // it has the crashes of other hosts
  'away', // the database does not answer, or refuses the connection
] as const;

export type StoreProblem = (typeof STORE_PROBLEMS)[number];

/** The ledger cannot be read or written; which remedy there is follows from `problem`. */
export class StoreError extends Unavailable {
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem, message: string, cause?: unknown) {
    super(message, { cause });
    this.problem = problem;
  }

  /** Of an error of SQLite or of a system call; `path` begins its message. */
  static from(path: string, cause: unknown): StoreError {
    if (cause instanceof StoreError) return cause;
    return new StoreError(problemOf(cause), `${path}: ${messageOf(cause)}`, cause);
  }
}

/** Primary result codes of SQLite (sqlite3.h). The others are of the disk, or of a lock. */
const SQLITE_PROBLEMS: ReadonlyMap<number, StoreProblem> = new Map<number, StoreProblem>([
  [1, 'damaged'], // SQLITE_ERROR: a table is missing, for our statements are right
  [3, 'read_only'], // SQLITE_PERM
  [8, 'read_only'], // SQLITE_READONLY
  [11, 'damaged'], // SQLITE_CORRUPT
  [13, 'full'], // SQLITE_FULL
  [26, 'damaged'], // SQLITE_NOTADB
]);

function problemOf(cause: unknown): StoreProblem {
  const code = sqliteCode(cause);
  if (code !== undefined) return SQLITE_PROBLEMS.get(code) ?? 'io';
  return ERRNO_PROBLEMS.get(errnoOf(cause) ?? 0) ?? 'io';
}

/** The primary result code of an error of SQLite; undefined for any other. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** By number, for Node has no name for some. */
function errnoOf(cause: unknown): number | undefined {
  if (!(cause instanceof Error) || !('errno' in cause)) return undefined;
  return typeof cause.errno === 'number' ? -cause.errno : undefined;
}

const { errno } = constants;
const ERRNO_PROBLEMS: ReadonlyMap<number, StoreProblem> = new Map<number, StoreProblem>([
  [errno.ENOSPC, 'full'],
  [errno.EDQUOT, 'full'],
  [errno.EROFS, 'read_only'],
  [errno.EACCES, 'read_only'],
  [errno.EPERM, 'read_only'],
]);

export const HINTS: Readonly<Record<StoreProblem, string>> = {
  full: 'make room on its file system; writing goes on by itself then',
  read_only: 'let the exporter write there; writing goes on by itself then',
  io: 'look at the disk, or at the log of the database; writing goes on by itself then',
  damaged: 'restart the exporter: it sets the ledger aside and begins a new one',
  newer: 'use the version of the exporter that wrote it',
  busy: 'stop one of the two exporters',
  other_shard: 'give each shard a ledger of its own; another number of shards needs new ledgers',
  away: 'look at the database and the way there; writing goes on by itself when it answers',
};
