// Advice on a path that cannot be read. If it may not be: its owner, and how to give the exporter access.

import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FileError } from '../failure.ts';
import { isInBucket, isRemote, systemPath } from '../file-path.ts';

const READ_BY_GROUP = 0o040;
const SEARCH_BY_GROUP = 0o010;

/** NFS_SUPER_MAGIC of linux/magic.h: statfs(2) has it for NFS. */
const NFS = 0x6969;

/** The label of a process that the profile in deploy/apparmor confines. */
const CONFINED = 'hwerr-exporter (enforce)';

/** Returns advice on a directory or file that cannot be read; undefined: the error says enough. */
export async function hintOn(path: string, error: unknown): Promise<string | undefined> {
  if (!(error instanceof FileError)) return undefined;
  if (error.code === 'ESTALE') return 'its NFS server has replaced it: mount it again';
  return error.reason === 'permission' ? await howToRead(path) : undefined;
}

/**
 * Returns advice after EACCES or EPERM.
 *
 * @param label file with the AppArmor label of this process.
 * @param nfs as statfs(2) has it.
 */
export async function howToRead(
  path: string,
  label = '/proc/self/attr/current',
  nfs = NFS,
): Promise<string> {
  if (isInBucket(path))
    return 'give the exporter credentials that list the bucket and get its objects';
  if (isRemote(path)) return 'its URL may have expired';
  const hint = await byItsMode(path, nfs);
  const confinement = await readFile(label, 'utf8').catch(() => '');
  if (!confinement.startsWith(CONFINED)) return hint;
  return `${hint}; and AppArmor confines it: allow the path in /etc/apparmor.d/local/hwerr-exporter`;
}

async function byItsMode(path: string, nfs: number): Promise<string> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    try {
      const { mode, gid, uid } = await stat(systemPath(at));
      const needed = at === path ? READ_BY_GROUP : SEARCH_BY_GROUP;
      const owner = `${at} belongs to user ${uid}, group ${gid}, mode ${(mode & 0o7777).toString(8)}`;
      if ((await statfs(systemPath(at))).type === nfs) {
        return `${owner}: on NFS the server decides; make it readable there for the exporter's user or group`;
      }
      return (mode & needed) === 0
        ? `${owner}: give the exporter the capability CAP_DAC_READ_SEARCH`
        : `${owner}: give the exporter that group, or the capability CAP_DAC_READ_SEARCH`;
    } catch {
      // Its directory cannot be searched: look at that.
    }
  }
  return 'give the exporter the capability CAP_DAC_READ_SEARCH';
}
