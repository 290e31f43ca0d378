// The decoder's bytes from a file: positioned reads, nothing cached, nothing mapped.

import { type Stats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { FileError } from '../failure.ts';
import { type ByteSource, Corrupt, inRange, requireRange } from '../vmcore/index.ts';

/** An open file, to be closed by whoever opened it. */
export interface FileSource extends ByteSource {
  /** versionOf() when it was opened, to notice that it changed under our hands. */
  readonly version: string;
  /** The descriptor, for those who read it as a stream. */
  readonly fd: number;
  /** The same, as the file is now. */
  currentVersion(): string;
  close(): void;
}

/**
 * Open a regular file for decoding. Without `followLinks`, what a dump's maker put in place of a
 * file, a link or a FIFO, is not followed and not waited for.
 *
 * @throws FileError when it is missing, unreadable, or no regular file.
 */
export function openFileSource(path: string, followLinks: boolean): FileSource {
  const flags =
    constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW);
  const fd = onFile(path, () => openSync(path, flags));
  if (!fstatSync(fd).isFile()) {
    closeSync(fd);
    throw new FileError('not_a_dump', `${path}: is no regular file`);
  }
  return fileSourceOf(path, fd);
}

/** An open regular file as a source; `path` is for messages. */
export function fileSourceOf(path: string, fd: number): FileSource {
  const stat = fstatSync(fd);
  const { size } = stat;
  return {
    size,
    fd,
    version: versionOf(stat),
    currentVersion: () => versionOf(fstatSync(fd)),
    read(offset, length): Uint8Array {
      requireRange('file', size, offset, length);
      const bytes = new Uint8Array(length);
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
    close: () => {
      closeSync(fd);
    },
  };
}

/** Which file in which state: changes with every write that a stat can show. */
export function versionOf(stat: Pick<Stats, 'dev' | 'ino' | 'size' | 'mtimeMs'>): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}`;
}

function onFile<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw FileError.from(path, error);
  }
}
