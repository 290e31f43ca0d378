// What can be wrong with the ledger's files, chosen by what the operator does next.

import { constants } from 'node:os';
import { messageOf } from '../failure.ts';

export type StoreProblem =
  | 'full' // make room
  | 'read_only' // mount it writable, or give the exporter the right to write
  | 'io' // look at the disk
  | 'damaged' // nothing to be done for these files: they are set aside
  | 'newer' // written by a later version: do not go back
  | 'busy'; // another daemon works with it

export class StoreError extends Error {
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem, message: string, cause?: unknown) {
    super(message, { cause });
    this.problem = problem;
  }

  static from(path: string, cause: unknown): StoreError {
    if (cause instanceof StoreError) return cause;
    return new StoreError(problemOf(cause), `${path}: ${messageOf(cause)}`, cause);
  }
}

function problemOf(cause: unknown): StoreProblem {
  if (DAMAGE.test(messageOf(cause))) return 'damaged';
  return PROBLEMS.get(errnoOf(cause) ?? 0) ?? 'io';
}

/** By number, for Node has no name for some; lmdb puts it into `code`. */
function errnoOf(cause: unknown): number | undefined {
  if (!(cause instanceof Error)) return undefined;
  if ('errno' in cause && typeof cause.errno === 'number') return -cause.errno;
  return 'code' in cause && typeof cause.code === 'number' ? cause.code : undefined;
}

/** What LMDB says of pages that cannot be as they are. */
const DAMAGE =
  /^MDB_(PAGE_NOTFOUND|CORRUPTED|PANIC|VERSION_MISMATCH|INVALID|CURSOR_FULL|INCOMPATIBLE|BAD_TXN|BAD_VALSIZE|PROBLEM)\b/;

const { errno } = constants;
const PROBLEMS: ReadonlyMap<number, StoreProblem> = new Map<number, StoreProblem>([
  [errno.ENOSPC, 'full'],
  [errno.EDQUOT, 'full'],
  [errno.EROFS, 'read_only'],
  [errno.EACCES, 'read_only'],
  [errno.EPERM, 'read_only'],
]);

export const HINTS: Readonly<Record<StoreProblem, string>> = {
  full: 'make room on its file system; writing goes on by itself then',
  read_only: 'let the exporter write there; writing goes on by itself then',
  io: 'look at the disk',
  damaged: 'restart the exporter: it sets the ledger aside and begins a new one',
  newer: 'use the version of the exporter that wrote it',
  busy: 'stop one of the two exporters',
};
