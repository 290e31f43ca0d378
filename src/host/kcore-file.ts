// Reads /proc/kcore once: the counters of the running kernel, or why they cannot be read.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type Failure, FileError, failureOf } from '../failure.ts';
import {
  Corrupt,
  type DecodeOptions,
  type KcoreSource,
  type LiveReport,
  readLive,
} from '../vmcore/index.ts';

/** The outcome of a read. Plain data, because it crosses threads. */
export type LiveOutcome =
  | { readonly kind: 'read'; readonly report: LiveReport }
  | { readonly kind: 'failure'; readonly failure: Failure };

/** @param symbolFiles opens other sources of the kernel's symbols. */
export function readKcoreFile(
  path: string,
  symbolFiles: DecodeOptions['symbolFiles'] & {},
): LiveOutcome {
  try {
    const report = onOpenFile(path, (source) => readLive(source, { symbolFiles }));
    return { kind: 'read', report };
  } catch (error) {
    return { kind: 'failure', failure: failureOf(error) };
  }
}

function onOpenFile<T>(path: string, use: (source: KcoreSource) => T): T {
  const fd = onKcore(path, () => openSync(path, 'r'));
  try {
    if (!fstatSync(fd).isFile()) {
      throw new FileError('permission', `${path}: is hidden here, as containers do with it`);
    }
    return use(sourceOf(path, fd));
  } finally {
    closeSync(fd);
  }
}

/** A source without a size: stat(2) gives that of the address space, or 0; only reads show what exists. */
function sourceOf(path: string, fd: number): KcoreSource {
  return {
    read(offset, length): Uint8Array {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const at = offset + BigInt(done);
        const got = onKcore(path, () => readSync(fd, bytes, done, length - done, at));
        if (got === 0) {
          throw new Corrupt('truncated', `${path} at 0x${at.toString(16)}`, 'ends there');
        }
        done += got;
      }
      return bytes;
    },
  };
}

/** @throws FileError that says which privileges the kernel requires (open_kcore() in fs/proc/kcore.c). */
function onKcore<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { reason, message, code } = FileError.from(path, error);
    if (code === 'EPERM' || code === 'EACCES') {
      const needs =
        'needs CAP_SYS_RAWIO and no lockdown, any user but root CAP_DAC_READ_SEARCH too';
      throw new FileError(reason, `${message}: ${needs}`, code, error);
    }
    if (code === 'ENOENT') {
      throw new FileError(reason, `${path}: this kernel has none (CONFIG_PROC_KCORE)`, code, error);
    }
    throw new FileError(reason, message, code, error);
  }
}
