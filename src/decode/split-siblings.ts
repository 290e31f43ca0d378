// Finds the other parts of a split dump (makedumpfile --split): files in the same directory that belong to the
// same dump, whatever their names.

import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { absolutePath, isRemote, pathOf, systemPath } from '../file-path.ts';
import { FileError } from '../failure.ts';
import {
  type Dump,
  type Limits,
  type SplitPart,
  VmcoreError,
  openVmcore,
} from '../vmcore/index.ts';
import { type FileSource, type RemoteFiles, openSource } from './file-source.ts';

/** Maximum number of files examined per directory; a split dump has as many parts as the machine had CPUs. */
const MAX_FILES = 1024;

/** An open part of a split dump; the caller closes `source`. */
export interface OpenPart {
  readonly path: string;
  readonly source: FileSource;
  readonly dump: Dump;
  readonly part: SplitPart;
}

/** Where to look for parts, and the limits of all parts together. */
export interface SiblingOptions {
  /** Paths to examine besides those of the directory. */
  readonly candidates: readonly string[];
  /** The directory that must contain the parts; undefined: any place. */
  readonly root: string | undefined;
  /** The limits of the whole dump. */
  readonly limits: Limits;
  readonly remote: RemoteFiles | undefined;
}

/**
 * Opens the other parts of the dump that `path` belongs to. Parts may be empty, because makedumpfile makes as
 * many as it was asked for.
 */
export function openSiblings(
  path: string,
  part: SplitPart,
  { candidates, root, limits, remote }: SiblingOptions,
): OpenPart[] {
  const others = new Set([...candidates.map(absolutePath), ...neighbours(path, remote)]);
  others.delete(absolutePath(path));
  const siblings: OpenPart[] = [];
  for (const other of others) {
    const sibling = openPart(other, { root, limits: shareOf(limits), remote });
    if (sibling === undefined) continue;
    if (sibling.part.dump === part.dump) siblings.push(sibling);
    else sibling.source.close();
  }
  return siblings;
}

/** Returns the limits of one part. The memory limit is shared by all parts; split parts are not flattened. */
function shareOf(limits: Limits): Limits {
  return {
    ...limits,
    flattenedRecords: Math.floor(limits.flattenedRecords / MAX_FILES),
    pageCacheBytes: Math.floor(limits.pageCacheBytes / 64),
  };
}

function neighbours(path: string, remote: RemoteFiles | undefined): readonly string[] {
  if (isRemote(path)) return remote?.beside(path).slice(0, MAX_FILES) ?? [];
  const directory = dirname(absolutePath(path));
  return readdirSync(systemPath(directory), { withFileTypes: true, encoding: 'buffer' })
    .filter((entry) => entry.isFile())
    .slice(0, MAX_FILES)
    .map((entry) => join(directory, pathOf(entry.name)));
}

/** Opens a file if it is part of a split dump. */
function openPart(
  path: string,
  { root, limits, remote }: Omit<SiblingOptions, 'candidates'>,
): OpenPart | undefined {
  let source: FileSource;
  try {
    source = openSource(path, root, remote);
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
  try {
    const dump = openVmcore(source, limits);
    const { part } = dump;
    if (part !== undefined) return { path, source, dump, part };
  } catch (error) {
    if (!(error instanceof VmcoreError || error instanceof FileError)) throw error;
  }
  source.close();
  return undefined;
}
