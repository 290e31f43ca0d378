// The decoder's bytes from a file: positioned reads, nothing cached, nothing mapped.

import {
  type Stats,
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  readSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';
import { sep } from 'node:path';
import type { Readable } from 'node:stream';
import { isRemote, pathOf, systemPath } from '../file-path.ts';
import { FileError, messageOf } from '../failure.ts';
import { type ByteSource, Corrupt, inRange, requireRange } from '../vmcore/index.ts';

/** An open file or object; the caller closes it. */
export interface FileSource extends ByteSource {
  /** versionOf() when it was opened, to notice that it changed under our hands. */
  readonly version: string;
  /** Its bytes from the first on; all of them, or so many. */
  stream(length?: number): Readable;
  /** The same, as the file is now. */
  currentVersion(): string;
  close(): void;
}

/**
 * Open a regular file for decoding. With `root`, what a dump's maker put in place of the file or of a
 * directory on the way to it, a link or a FIFO, is not followed and not waited for.
 *
 * @param root the directory that the file must be in; undefined: wherever the path leads.
 * @throws FileError when it is missing, unreadable, no regular file, or outside the root.
 */
export function openFileSource(path: string, root: string | undefined): FileSource {
  const flags =
    constants.O_RDONLY | constants.O_NONBLOCK | (root === undefined ? 0 : constants.O_NOFOLLOW);
  const fd = onFile(path, () => openSync(systemPath(path), flags));
  try {
    if (!fstatSync(fd).isFile()) throw new FileError('not_a_dump', `${path}: is no regular file`);
    if (root !== undefined) requireWithin(fd, path, root);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fileSourceOf(path, fd);
}

/** Objects in stores, by their URLs. */
export interface RemoteFiles {
  /** @throws FileError, as openFileSource() does. */
  open(path: string): FileSource;
  /** The paths of what lies beside an object, as far as that is known. */
  beside(path: string): readonly string[];
}

/**
 * Opens a file, or an object where `remote` can fetch it.
 *
 * @param root as of openFileSource().
 * @throws FileError.
 */
export function openSource(
  path: string,
  root: string | undefined,
  remote: RemoteFiles | undefined,
): FileSource {
  return remote !== undefined && isRemote(path) ? remote.open(path) : openFileSource(path, root);
}

/** O_NOFOLLOW only guards the last part of a path. */
function requireWithin(fd: number, path: string, root: string): void {
  const opened = openedPath(fd, path);
  const real = onFile(path, () => pathOf(realpathSync(systemPath(root), { encoding: 'buffer' })));
  if (opened.startsWith(real.endsWith(sep) ? real : `${real}${sep}`)) return;
  throw new FileError('not_a_dump', `${path}: leads out of ${root}, to ${opened}`);
}

/** @throws FileError `io` where /proc is not mounted: it is not the file that is gone. */
function openedPath(fd: number, path: string): string {
  try {
    return pathOf(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' }));
  } catch (cause) {
    const why = `cannot tell where it leads without /proc: ${messageOf(cause)}`;
    throw new FileError('io', `${path}: ${why}`, undefined, cause);
  }
}

/** An open regular file as a source; `path` is for messages. */
export function fileSourceOf(path: string, fd: number): FileSource {
  const stat = fstatSync(fd);
  const { size } = stat;
  return {
    size,
    version: versionOf(stat),
    currentVersion: () => versionOf(fstatSync(fd)),
    read(offset, length, into): Uint8Array {
      requireRange('file', size, offset, length);
      const bytes = into?.subarray(0, length) ?? new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const got = onFile(path, () => readSync(fd, bytes, done, length - done, offset + done));
        if (got === 0) {
          throw new Corrupt(
            'truncated',
            `file at 0x${(offset + done).toString(16)}`,
            `got ${done} of ${length} bytes of a file of ${size}`,
          );
        }
        done += got;
      }
      return bytes;
    },
    holds: (offset, length) => inRange(size, offset, length),
    stream: (length = Infinity) =>
      createReadStream('', { fd, autoClose: false, start: 0, end: length - 1 }),
    close: () => {
      closeSync(fd);
    },
  };
}

/**
 * Which file in which state: changes with every write, and change of rights, that a stat can show.
 * Without the device, whose number is another one after the next mount.
 */
export function versionOf(stat: Pick<Stats, 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`;
}

/** ESTALE: an NFS server says that of a file that another client removed. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);

/** Whether there is no such file any more. */
export function isGone({ code }: FileError): boolean {
  return GONE.has(code);
}

function onFile<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw FileError.from(path, error);
  }
}
