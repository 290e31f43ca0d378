// A file as the decoder's byte source: positioned reads, without cache or mapping.

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
  /** versionOf() when it was opened, to detect later changes. */
  readonly version: string;
  /** Streams the content from the start: all of it, or `length` bytes. */
  stream(length?: number): Readable;
  /** versionOf() as of now. */
  currentVersion(): string;
  close(): void;
}

/**
 * Opens a regular file for decoding. With `root`, links and FIFOs are refused that the writer of a dump may
 * have put in place of the file or of a directory in its path.
 *
 * @param root the directory that must contain the file; undefined: any place.
 * @throws FileError if the file is missing, unreadable, not a regular file, or outside the root.
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

/** Reads objects by their URLs. */
export interface RemoteFiles {
  /** @throws FileError, as openFileSource() does. */
  open(path: string): FileSource;
  /** Returns the paths of the objects beside this one, as far as they can be listed. */
  beside(path: string): readonly string[];
}

/**
 * Opens a file, or an object if `remote` is given and the path is a URL.
 *
 * @param root as for openFileSource().
 * @throws FileError.
 */
export function openSource(
  path: string,
  root: string | undefined,
  remote: RemoteFiles | undefined,
): FileSource {
  return remote !== undefined && isRemote(path) ? remote.open(path) : openFileSource(path, root);
}

/** Checks the whole path, because O_NOFOLLOW only guards its last component. */
function requireWithin(fd: number, path: string, root: string): void {
  const opened = openedPath(fd, path);
  const real = onFile(path, () => pathOf(realpathSync(systemPath(root), { encoding: 'buffer' })));
  if (opened.startsWith(real.endsWith(sep) ? real : `${real}${sep}`)) return;
  throw new FileError('not_a_dump', `${path}: leads out of ${root}, to ${opened}`);
}

/** @throws FileError `io` if /proc is not mounted: the file itself is not missing. */
function openedPath(fd: number, path: string): string {
  try {
    return pathOf(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' }));
  } catch (cause) {
    const why = `where it leads cannot be read without /proc: ${messageOf(cause)}`;
    throw new FileError('io', `${path}: ${why}`, undefined, cause);
  }
}

/** Returns an open regular file as a source; `path` is used in messages. */
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
    contains: (offset, length) => inRange(size, offset, length),
    stream: (length = Infinity) =>
      createReadStream('', { fd, autoClose: false, start: 0, end: length - 1 }),
    close: () => {
      closeSync(fd);
    },
  };
}

/**
 * Identifies a file and its state; changes with every write and change of attributes that stat(2) shows.
 * Leaves out the device, whose number may change with the next mount.
 */
export function versionOf(stat: Pick<Stats, 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`;
}

/** ESTALE: an NFS server reports it for a file that another client removed. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);

/** Whether the error says that the file does not exist. */
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
