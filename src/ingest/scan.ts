// Scans a dump directory: which files it contains now. The scan is authoritative; file-system events only say
// when to scan (they are lost over NFS, and when the directory is replaced).

import { type Dirent, type Stats, constants } from 'node:fs';
import { lstat, open, opendir, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { pathOf, systemPath } from '../file-path.ts';
import { FileError } from '../failure.ts';
import { HEAD_BYTES, isPstore, mayBeDump } from '../vmcore/index.ts';
import { maybePstore, pstoreName } from '../decode/pstore-name.ts';
import { claimsToBeDump, isUnfinishedName, maybeDump } from './file-names.ts';
import { isGone, versionOf } from '../decode/file-source.ts';
import { SCAN_LANES } from './lanes.ts';
import { STATUS_FILE, type SaveStatus, readSaveStatus } from './save-status.ts';

/** Levels of directories scanned below the root: host, date, and more for central stores. */
const MAX_DEPTH = 4;
/** Opening a FIFO must not wait for its writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** A file that may be a dump, as seen by a scan: size in bytes, mtime in ms since 1970. */
export interface FoundFile {
  /** The watched directory. */
  readonly root: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** versionOf() at the time of the scan. */
  readonly version: string;
  /** State according to the kdump tool; `whole` for an object, which appears with all its bytes. */
  readonly saved: SaveStatus | 'whole' | undefined;
  /** The name marks the dump as incomplete. */
  readonly isUnfinished: boolean;
}

/** A directory or file that cannot be read. */
interface Unreadable {
  readonly path: string;
  readonly error: FileError;
}

/** The result of scanning a root. */
export interface ScanResult {
  readonly files: readonly FoundFile[];
  /** The root, and the directories below it that were scanned. */
  readonly directories: readonly string[];
  /** Versions of files that are not dumps, by their first bytes and their names. */
  readonly notDumps: ReadonlySet<string>;
  readonly unreadable: readonly Unreadable[];
  /**
   * Identifies the root directory; changes if it is recreated or mounted over. undefined: it cannot be
   * watched.
   */
  readonly identity: string | undefined;
}

/**
 * Finds every regular file below `root` that may be a dump. Follows no symbolic links, except for the root
 * itself. A file that is not a dump costs only its version in memory, and is opened once.
 *
 * @param known `notDumps` of the previous scan.
 * @throws FileError if `root` itself cannot be read.
 */
export async function scanDirectory(
  root: string,
  excluded: readonly RegExp[],
  known: ReadonlySet<string> = new Set(),
): Promise<ScanResult> {
  const found = { files: [], directories: [], notDumps: new Set<string>(), unreadable: [] };
  let level = [root];
  for (let depth = 0; level.length > 0 && depth <= MAX_DEPTH; depth++) {
    const below: string[] = [];
    const left = level.values();
    const lane = async (): Promise<void> => {
      for (const directory of left) {
        const inside = await scanOne({ root, directory, excluded, known }, found);
        for (const one of inside) below.push(one);
      }
    };
    await Promise.all(Array.from({ length: SCAN_LANES }, lane));
    level = below;
  }
  return { ...found, identity: await identityOf(root) };
}

/** One directory of a scan. */
interface Scanned {
  readonly root: string;
  readonly directory: string;
  readonly excluded: readonly RegExp[];
  readonly known: ReadonlySet<string>;
}

/** What a scan has found so far. */
interface Found {
  readonly files: FoundFile[];
  readonly directories: string[];
  readonly notDumps: Set<string>;
  readonly unreadable: Unreadable[];
}

/**
 * Adds what is in one directory.
 *
 * @returns the directories in it.
 * @throws FileError if it is the root and cannot be read.
 */
async function scanOne(
  { root, directory, excluded, known }: Scanned,
  { files, directories, notDumps, unreadable }: Found,
): Promise<string[]> {
  const below: string[] = [];
  const names: string[] = [];
  const status = { isThere: false };
  const list = async (): Promise<void> => {
    for await (const entry of await listed(directory)) {
      const name = pathOf(entry.name);
      const path = join(directory, name);
      if (entry.isDirectory()) below.push(path);
      else if (entry.isFile() && maybeDump(relative(root, path), excluded)) names.push(name);
      status.isThere ||= name === STATUS_FILE;
    }
  };
  try {
    // What was listed before an error is looked at all the same.
    const failure = await list().catch((cause: unknown) => FileError.from(directory, cause));
    // Read before the files, so that they are at least as new as this status.
    const saved = status.isThere ? await readSaveStatus(join(directory, STATUS_FILE)) : undefined;
    for (const name of names) {
      const path = join(directory, name);
      const seen = await lstatFile(path);
      if (seen instanceof FileError) unreadable.push({ path, error: seen });
      if (seen === undefined || seen instanceof FileError) continue;
      const version = versionOf(seen);
      const isNamed = claimsToBeDump(name) || pstoreName(name)?.isCompressed === true;
      if (!isNamed && (known.has(version) || (await isNoDump(path)))) {
        notDumps.add(version);
      } else {
        const { size, mtimeMs } = seen;
        const isUnfinished = isUnfinishedName(name);
        files.push({ root, path, saved, version, size, mtimeMs, isUnfinished });
      }
    }
    if (failure !== undefined) throw failure;
    directories.push(directory);
  } catch (cause) {
    const error = cause instanceof FileError ? cause : FileError.from(directory, cause);
    if (directory === root) throw error;
    if (!isGone(error)) unreadable.push({ path: directory, error });
  }
  return below;
}

/** Returns the entries of a directory with names as bytes, which Node supports but its types do not. */
async function listed(directory: string): Promise<AsyncIterable<Dirent<Buffer>>> {
  const options = { bufferSize: 1024, encoding: 'buffer' as BufferEncoding };
  return (await opendir(systemPath(directory), options)) as AsyncIterable<unknown> as AsyncIterable<
    Dirent<Buffer>
  >;
}

/**
 * Returns the state of a file. It may vanish after it was listed, because dumps are pruned at any time.
 *
 * @returns undefined if it is no longer a regular file; an error that concerns only this file.
 * @throws FileError if its directory cannot be searched.
 */
async function lstatFile(path: string): Promise<Stats | FileError | undefined> {
  try {
    const seen = await lstat(systemPath(path));
    return seen.isFile() ? seen : undefined;
  } catch (cause) {
    const error = FileError.from(path, cause);
    if (error.reason === 'permission') throw error;
    return isGone(error) ? undefined : error;
  }
}

/** Whether the first bytes are of no dump or pstore record. False if they cannot be read: decoding reports it. */
async function isNoDump(path: string): Promise<boolean> {
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
    return `${dev}:${ino}:${birthtimeMs}`; // inode numbers are reused
  } catch (error) {
    throw FileError.from(root, error);
  }
}
