// Advice on a path that may not be read: its owner, and how to give the exporter access.

import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isInBucket, isRemote, systemPath } from '../file-path.ts';

const READ_BY_GROUP = 0o040;
const SEARCH_BY_GROUP = 0o010;

/** The label of a process that the profile in deploy/apparmor confines. */
const CONFINED = 'hwerr-exporter (enforce)';

/**
 * Returns advice for the log, after EACCES or EPERM.
 *
 * @param label file with the AppArmor label of this process.
 */
export async function howToRead(path: string, label = '/proc/self/attr/current'): Promise<string> {
  if (isInBucket(path))
    return 'give the exporter credentials that list the bucket and get its objects';
  if (isRemote(path)) return 'its URL may have expired';
  const hint = await byItsMode(path);
  const confinement = await readFile(label, 'utf8').catch(() => '');
  if (!confinement.startsWith(CONFINED)) return hint;
  return `${hint}; and AppArmor confines it: allow the path in /etc/apparmor.d/local/hwerr-exporter`;
}

async function byItsMode(path: string): Promise<string> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    try {
      const { mode, gid, uid } = await stat(systemPath(at));
      const needed = at === path ? READ_BY_GROUP : SEARCH_BY_GROUP;
      const owner = `${at} belongs to user ${uid}, group ${gid}, mode ${(mode & 0o7777).toString(8)}`;
      return (mode & needed) === 0
        ? `${owner}: give the exporter the capability CAP_DAC_READ_SEARCH (on NFS with root_squash: its owner's user id)`
        : `${owner}: give the exporter that group, or the capability CAP_DAC_READ_SEARCH`;
    } catch {
      // Its directory cannot be searched: look at that.
    }
  }
  return 'give the exporter the capability CAP_DAC_READ_SEARCH';
}
