// Why a dump could not be decoded, as the daemon and the command line report it: the decoder's own
// reasons, and those of files, time and processes. A closed list, for it is a metric label.

import { DECODE_REASONS, VmcoreError } from './vmcore/errors.ts';

export const FAILURE_REASONS = [
  ...DECODE_REASONS,
  'permission', // the file may not be read
  'io', // reading it failed
  'timeout', // it took longer than --decode.timeout
  'internal', // our own mistake, or the death of the worker
] as const;

export type FailureReason = (typeof FAILURE_REASONS)[number];

export interface Failure {
  readonly reason: FailureReason;
  /** What, where, got, wanted. */
  readonly message: string;
}

/** A file that could not be opened or read. */
export class FileError extends Error {
  readonly reason:
    'permission' | 'io' | 'not_a_dump' | 'corrupt' | 'truncated' | 'unsupported_compression';
  /** errno name, such as ENOENT; undefined where the system call did not fail. */
  readonly code: string | undefined;

  constructor(reason: FileError['reason'], message: string, code?: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
    this.code = code;
  }

  /** From an error of a file-system call: EACCES and EPERM are `permission`, the rest is `io`. */
  static from(path: string, cause: unknown): FileError {
    const code = errorCode(cause);
    const reason = code === 'EACCES' || code === 'EPERM' ? 'permission' : 'io';
    return new FileError(reason, `${path}: ${messageOf(cause)}`, code, cause);
  }
}

/** The reason and message of anything that was thrown while a file was decoded. */
export function failureOf(error: unknown): Failure {
  if (error instanceof VmcoreError || error instanceof FileError) {
    return { reason: error.reason, message: error.message };
  }
  return { reason: 'internal', message: messageOf(error) };
}

/** The errno name of a failed system call. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
