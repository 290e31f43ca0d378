// One look at a dump directory: which files are there now. The scan is the truth; file-system events
// only say when to look (they are lost over NFS, and when the directory is replaced).

import { type Dirent, type Stats, constants } from 'node:fs';
import { lstat, open, opendir, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { pathOf, systemPath } from '../file-path.ts';
import { FileError } from '../failure.ts';
import { HEAD_BYTES, isPstore, mayBeDump } from '../vmcore/index.ts';
import { maybePstore, pstoreName } from '../decode/pstore-name.ts';
import { claimsToBeDump, isUnfinishedName, maybeDump } from './file-names.ts';
import { isGone, versionOf } from '../decode/file-source.ts';
import { STATUS_FILE, type SaveStatus, readSaveStatus } from './save-status.ts';

/** Directories below the root that are looked into: host, date, and one more for central stores. */
const MAX_DEPTH = 4;
/** Never wait for the writer of a FIFO in a file's place. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** A file that may be a dump, as a scan saw it: size in bytes, mtime in ms since 1970. */
export interface FoundFile {
  /** The watched directory. */
  readonly root: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** versionOf() at the time of the scan. */
  readonly version: string;
  /** What the kdump tool says of it; `whole` of an object, which is there at once with all its bytes. */
  readonly saved: SaveStatus | 'whole' | undefined;
  /** Its name says that it is not complete yet. */
  readonly isUnfinished: boolean;
}

/** A directory or file that could not be looked at. */
interface Unreadable {
  readonly path: string;
  readonly error: FileError;
}

/** What one scan of a root found. */
export interface ScanResult {
  readonly files: readonly FoundFile[];
  /** The root, and those below it that were looked into. */
  readonly directories: readonly string[];
  /** Versions of files that are no dumps by their first bytes, and are not called dumps. */
  readonly notDumps: ReadonlySet<string>;
  readonly unreadable: readonly Unreadable[];
  /**
   * Which directory the root is; another one after it was recreated or mounted. undefined: there is
   * nothing to watch.
   */
  readonly identity: string | undefined;
}

/**
 * Every regular file below `root` that may be a dump. Links are not followed, but for the root itself.
 * Of a million other files little more than a number each is kept, and each is opened once.
 *
 * @param known `notDumps` of the scan before.
 * @throws FileError when `root` itself cannot be read.
 */
export async function scanDirectory(
  root: string,
  excluded: readonly RegExp[],
  known: ReadonlySet<string> = new Set(),
): Promise<ScanResult> {
  const files: FoundFile[] = [];
  const directories: string[] = [];
  const notDumps = new Set<string>();
  const unreadable: Unreadable[] = [];
  const pending = [{ directory: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { directory, depth } = next;
    try {
      // Before the files are looked at: they are no older than what is said of them.
      const saved = await readSaveStatus(join(directory, STATUS_FILE));
      for await (const entry of await listed(directory)) {
        const name = pathOf(entry.name);
        const path = join(directory, name);
        if (entry.isDirectory()) {
          if (depth < MAX_DEPTH) pending.push({ directory: path, depth: depth + 1 });
        } else if (entry.isFile() && maybeDump(relative(root, path), excluded)) {
          const seen = await look(path);
          if (seen instanceof FileError) unreadable.push({ path, error: seen });
          if (seen === undefined || seen instanceof FileError) continue;
          const version = versionOf(seen);
          const isNamed = claimsToBeDump(name) || pstoreName(name)?.isCompressed === true;
          if (!isNamed && (known.has(version) || (await isForeign(path)))) {
            notDumps.add(version);
          } else {
            const { size, mtimeMs } = seen;
            const isUnfinished = isUnfinishedName(name);
            files.push({ root, path, saved, version, size, mtimeMs, isUnfinished });
          }
        }
      }
      directories.push(directory);
    } catch (cause) {
      const error = cause instanceof FileError ? cause : FileError.from(directory, cause);
      if (directory === root) throw error;
      if (!isGone(error)) unreadable.push({ path: directory, error });
    }
  }
  return { files, directories, notDumps, unreadable, identity: await identityOf(root) };
}

/** The entries of a directory, names as bytes: Node can do so, its types do not know. */
async function listed(directory: string): Promise<AsyncIterable<Dirent<Buffer>>> {
  const options = { bufferSize: 1024, encoding: 'buffer' as BufferEncoding };
  return (await opendir(systemPath(directory), options)) as AsyncIterable<unknown> as AsyncIterable<
    Dirent<Buffer>
  >;
}

/**
 * A file may vanish between the listing and the look: dumps are pruned all the time.
 *
 * @returns undefined when it is no regular file any more; the error when it is its own.
 * @throws FileError when its directory cannot be searched.
 */
async function look(path: string): Promise<Stats | FileError | undefined> {
  try {
    const seen = await lstat(systemPath(path));
    return seen.isFile() ? seen : undefined;
  } catch (cause) {
    const error = FileError.from(path, cause);
    if (error.reason === 'permission') throw error;
    return isGone(error) ? undefined : error;
  }
}

/** Whether its first bytes are of no dump, and of no record of pstore. What cannot be read is for the decoder to complain about. */
async function isForeign(path: string): Promise<boolean> {
  try {
    const file = await open(systemPath(path), OPEN_FLAGS);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      const head = buffer.subarray(0, bytesRead);
      return !mayBeDump(head) && !(maybePstore(basename(path)) && isPstore(head));
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}

async function identityOf(root: string): Promise<string> {
  try {
    const { dev, ino, birthtimeMs } = await stat(systemPath(root));
    return `${dev}:${ino}:${birthtimeMs}`; // the number of one that was deleted is given again
  } catch (error) {
    throw FileError.from(root, error);
  }
}
