// Why a dump could not be decoded, as the daemon and the command line report it: the decoder's own
// reasons, and those of files, time and processes. A closed list, for it is a metric label.

import { constants } from 'node:os';
import { shownPath } from './file-path.ts';
import { DECODE_REASONS, VmcoreError } from './vmcore/errors.ts';

export const FAILURE_REASONS = [
  ...DECODE_REASONS,
  'permission', // the file may not be read
  'io', // reading it failed
  'timeout', // it took longer than --decode.timeout
  'internal', // our own mistake, or the death of the worker
] as const;

export type FailureReason = (typeof FAILURE_REASONS)[number];

/** Why a file gave no report, as workers send it, the ledger keeps it and people read it. */
export interface Failure {
  readonly reason: FailureReason;
  /** What, where, got, wanted. */
  readonly message: string;
}

/** A file that could not be opened or read. */
export class FileError extends Error {
  readonly reason:
    | 'permission'
    | 'io'
    | 'timeout'
    | 'not_a_dump'
    | 'corrupt'
    | 'truncated'
    | 'limit_exceeded'
    | 'unsupported_compression';
  /** errno name, such as ENOENT; undefined where the system call did not fail. */
  readonly code: string | undefined;

  constructor(reason: FileError['reason'], message: string, code?: string, cause?: unknown) {
    super(shownPath(message), { cause });
    this.reason = reason;
    this.code = code;
  }

  /** From an error of a file-system call: EACCES and EPERM are `permission`, the rest is `io`. */
  static from(path: string, cause: unknown): FileError {
    return new FileError(reasonOf(cause), `${path}: ${messageOf(cause)}`, errorCode(cause), cause);
  }
}

/**
 * The reason and message of anything that was thrown while a file was decoded. An errno is never the
 * dump's fault, nor the program's, wherever it came from.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof VmcoreError || error instanceof FileError) {
    return { reason: error.reason, message: error.message };
  }
  if (isSystemError(error)) return { reason: reasonOf(error), message: messageOf(error) };
  return { reason: 'internal', message: messageOf(error) };
}

function reasonOf(error: unknown): 'permission' | 'io' {
  const code = errorCode(error);
  return code === 'EACCES' || code === 'EPERM' ? 'permission' : 'io';
}

/** Whether a system call failed: an error of zlib has a code and a number too, but no system call. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/**
 * The errno name of a failed system call, or the code of an error of Node's. By number: libuv knows no
 * name for some, such as ESTALE, which Node then calls `Unknown system error -116`.
 */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  if (isSystemError(error) && 'errno' in error && typeof error.errno === 'number') {
    const name = ERRNO_NAMES.get(Math.abs(error.errno));
    if (name !== undefined) return name;
  }
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The message of whatever was thrown; of what is no Error, its text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is asked for cannot be told now; it may be later. */
export class Unavailable extends Error {}
