// Problems of the ledger's storage, distinguished by what the operator does next.

import { constants } from 'node:os';
import { Unavailable, messageOf } from '../failure.ts';

export const STORE_PROBLEMS = [
  'full', // free disk space
  'read_only', // make it writable, or give the exporter permission
  'io', // check the disk
  'damaged', // not repairable; the files are set aside
  'newer', // written by a later version, which must be used
  'busy', // another daemon uses it
  'other_shard', // it has the crashes of other hosts
  'away', // the database does not answer, or refuses the connection
] as const;

export type StoreProblem = (typeof STORE_PROBLEMS)[number];

/** The ledger cannot be read or written; the remedy depends on `problem`. */
export class StoreError extends Unavailable {
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem, message: string, cause?: unknown) {
    super(message, { cause });
    this.problem = problem;
  }

  /** Wraps an error of SQLite or of a system call; the message begins with `path`. */
  static from(path: string, cause: unknown): StoreError {
    if (cause instanceof StoreError) return cause;
    return new StoreError(problemOf(cause), `${path}: ${messageOf(cause)}`, cause);
  }
}

/** Primary result codes of SQLite (sqlite3.h). Others are errors of the disk or of a lock. */
const SQLITE_PROBLEMS: ReadonlyMap<number, StoreProblem> = new Map<number, StoreProblem>([
  [1, 'damaged'], // SQLITE_ERROR: a table is missing, because the statements are correct
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

/** Returns the primary result code of an error of SQLite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Returns the errno by number, because Node has no name for some. */
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
