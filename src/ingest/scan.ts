// One look at a dump directory: which files are there now. The scan is the truth; file-system events
// only say when to look (they are lost over NFS, and when the directory is replaced).

import { lstat, opendir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FileError, errorCode } from '../failure.ts';
import { maybeDump } from './file-names.ts';
import { versionOf } from './file-source.ts';

/** Directories below the root that are looked into: host, date, and one more for central stores. */
const MAX_DEPTH = 4;

export interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** versionOf() at the time of the scan. */
  readonly version: string;
}

export interface ScanResult {
  readonly files: readonly FoundFile[];
  /** Directories and files that could not be looked at. */
  readonly errors: readonly FileError[];
}

/**
 * Every regular file below `root` that may be a dump. Links are not followed.
 *
 * @throws FileError when `root` itself cannot be read.
 */
export async function scanDirectory(
  root: string,
  excluded: readonly RegExp[],
): Promise<ScanResult> {
  const files: FoundFile[] = [];
  const errors: FileError[] = [];
  const pending = [{ path: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path: directory, depth } = next;
    try {
      for await (const entry of await opendir(directory)) {
        const path = join(directory, entry.name);
        if (entry.isDirectory() && depth < MAX_DEPTH) pending.push({ path, depth: depth + 1 });
        if (!entry.isFile() || !maybeDump(relative(root, path), excluded)) continue;
        const file = await found(path, errors);
        if (file !== undefined) files.push(file);
      }
    } catch (error) {
      const failure = FileError.from(directory, error);
      if (directory === root) throw failure;
      if (failure.code !== 'ENOENT') errors.push(failure);
    }
  }
  return { files, errors };
}

/** A file may vanish between the listing and the look: dumps are pruned all the time. */
async function found(path: string, errors: FileError[]): Promise<FoundFile | undefined> {
  try {
    const stat = await lstat(path);
    return { path, size: stat.size, mtimeMs: stat.mtimeMs, version: versionOf(stat) };
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') errors.push(FileError.from(path, error));
    return undefined;
  }
}
