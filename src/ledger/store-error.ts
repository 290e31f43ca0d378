// What can be wrong with the ledger's files, chosen by what the operator does next.

import { errorCode, messageOf } from '../failure.ts';

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
    const problem = PROBLEMS[errorCode(cause) ?? ''] ?? 'io';
    return new StoreError(problem, `${path}: ${messageOf(cause)}`, cause);
  }
}

const PROBLEMS: Readonly<Record<string, StoreProblem>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read_only',
  EACCES: 'read_only',
  EPERM: 'read_only',
};
