// Why a dump could not be decoded, as the daemon and the command line report it: the decoder's
// reasons and those of files, timeouts and processes. The list is closed, because it is a metric label.

import { constants } from 'node:os';
import { shownPath } from './file-path.ts';
import { DECODE_REASONS, VmcoreError } from './vmcore/errors.ts';

export const FAILURE_REASONS = [
  ...DECODE_REASONS,
  'permission', // no access to the file
  'io', // reading the file failed
  'timeout', // decoding took longer than --decode.timeout
  'internal', // a bug of the exporter, or its worker died
] as const;

export type FailureReason = (typeof FAILURE_REASONS)[number];

/** Reasons why a file could not be read. It is tried again, after ever longer waits, although it does not change. */
export const READ_FAILURES = ['permission', 'io', 'timeout'] as const;

/** Whether the file may give another result although it does not change. */
export function isTransient(reason: FailureReason): boolean {
  return READ_FAILURES.some((one) => one === reason);
}

/** Why a file gave no report, as workers send it, the ledger stores it and pages show it. */
export interface Failure {
  readonly reason: FailureReason;
  /** What failed, where, the value found, the value wanted. */
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
  /** Name of the errno, such as ENOENT; undefined if no system call failed. */
  readonly code: string | undefined;

  constructor(reason: FileError['reason'], message: string, code?: string, cause?: unknown) {
    super(shownPath(message), { cause });
    this.reason = reason;
    this.code = code;
  }

  /** Wraps the error of a file-system call: EACCES and EPERM become `permission`, others `io`. */
  static from(path: string, cause: unknown): FileError {
    return new FileError(reasonOf(cause), `${path}: ${messageOf(cause)}`, errorCode(cause), cause);
  }
}

/**
 * Returns the reason and message of any error thrown while a file was decoded. A failed system call is
 * `permission` or `io`, wherever it was thrown: neither the dump nor the program is at fault.
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

/** Whether a system call failed. Errors of zlib also have a code and a number, but no system call. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/**
 * Returns the errno name of a failed system call, or the code of any other Node error; undefined if it has
 * none. Looks the name up by number, because libuv does not know some (ESTALE) and Node then reports
 * `Unknown system error -116`.
 */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  if (isSystemError(error) && 'errno' in error && typeof error.errno === 'number') {
    const name = ERRNO_NAMES.get(Math.abs(error.errno));
    if (name !== undefined) return name;
  }
  return typeof error.code === 'string' ? error.code : undefined;
}

/** A system error that libuv has no name for, in Node's messages: the code, and its text if that follows. */
const UNNAMED = /^Unknown system error -\d+(: Unknown system error -\d+)?/;

/** Returns the message of a thrown Error, or the text of any other thrown value. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(UNNAMED, (unnamed) => errorCode(error) ?? unnamed);
}

/** The answer is not available now, but may be later. */
export class Unavailable extends Error {}
