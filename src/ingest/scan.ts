// One look at a dump directory: which files are there now. The scan is the truth; file-system events
// only say when to look (they are lost over NFS, and when the directory is replaced).

import { lstat, opendir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FileError, errorCode } from '../failure.ts';
import { maybeDump } from './file-names.ts';
import { versionOf } from './file-source.ts';
import { STATUS_FILE, type SaveStatus, readSaveStatus } from './save-status.ts';

/** Directories below the root that are looked into: host, date, and one more for central stores. */
const MAX_DEPTH = 4;

export interface FoundFile {
  /** The watched directory. */
  readonly root: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** versionOf() at the time of the scan. */
  readonly version: string;
  /** What the kdump tool says of it. */
  readonly saved: SaveStatus | undefined;
}

/** A directory or file that could not be looked at. */
export interface Unreadable {
  readonly path: string;
  readonly error: FileError;
}

export interface ScanResult {
  readonly files: readonly FoundFile[];
  readonly unreadable: readonly Unreadable[];
  /** Which directory the root is; another one after it was made anew or mounted. */
  readonly identity: string;
}

/**
 * Every regular file below `root` that may be a dump. Links are not followed, but for the root itself.
 *
 * @throws FileError when `root` itself cannot be read.
 */
export async function scanDirectory(
  root: string,
  excluded: readonly RegExp[],
): Promise<ScanResult> {
  const files: FoundFile[] = [];
  const unreadable: Unreadable[] = [];
  const pending = [{ path: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, depth } = next;
    try {
      const names = await list(root, path, excluded);
      if (depth < MAX_DEPTH) {
        for (const name of names.directories) {
          pending.push({ path: join(path, name), depth: depth + 1 });
        }
      }
      const saved = names.hasStatus ? await readSaveStatus(join(path, STATUS_FILE)) : undefined;
      for (const name of names.files) await look({ root, path: join(path, name), saved }, files);
    } catch (cause) {
      const error = cause instanceof FileError ? cause : FileError.from(path, cause);
      if (path === root) throw error;
      if (error.code !== 'ENOENT') unreadable.push({ path, error });
    }
  }
  return { files, unreadable, identity: await identityOf(root) };
}

interface Names {
  readonly directories: readonly string[];
  readonly files: readonly string[];
  readonly hasStatus: boolean;
}

async function list(root: string, path: string, excluded: readonly RegExp[]): Promise<Names> {
  const directories: string[] = [];
  const files: string[] = [];
  let hasStatus = false;
  for await (const entry of await opendir(path)) {
    if (entry.isDirectory()) directories.push(entry.name);
    else if (!entry.isFile()) continue;
    else if (entry.name === STATUS_FILE) hasStatus = true;
    else if (maybeDump(relative(root, join(path, entry.name)), excluded)) files.push(entry.name);
  }
  return { directories, files, hasStatus };
}

/** A file may vanish between the listing and the look: dumps are pruned all the time. */
async function look(
  file: Pick<FoundFile, 'root' | 'path' | 'saved'>,
  files: FoundFile[],
): Promise<void> {
  try {
    const seen = await lstat(file.path);
    if (!seen.isFile()) return;
    files.push({ ...file, size: seen.size, mtimeMs: seen.mtimeMs, version: versionOf(seen) });
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

async function identityOf(root: string): Promise<string> {
  try {
    const { dev, ino } = await stat(root);
    return `${dev}:${ino}`;
  } catch (error) {
    throw FileError.from(root, error);
  }
}
