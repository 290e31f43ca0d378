// Names of the files that pstore has, and systemd-pstore makes of them.

/** As fs/pstore/inode.c pstore_mkfile() names the parts of a log: backend, and its number of the part. */
const PART = /^dmesg-([A-Za-z0-9_]{1,32})-(\d{1,20})(\.enc\.z)?$/;

/** Of systemd-pstore: all parts of a record, joined. Kdump tools have files of this name as well. */
const JOINED = 'dmesg.txt';

/** What the name of a part says, as fs/pstore/inode.c pstore_mkfile() makes it. */
export interface PstoreName {
  readonly backend: string;
  readonly id: string;
  /** The kernel could not decompress it. */
  readonly isCompressed: boolean;
}

/** @returns undefined for a file that is no part of a record. */
export function pstoreName(name: string): PstoreName | undefined {
  const [, backend, id, compressed] = PART.exec(name) ?? [];
  if (backend === undefined || id === undefined) return undefined;
  return { backend, id, isCompressed: compressed !== undefined };
}

/** Whether a file of this name may be a record of pstore, or a part of one. */
export function maybePstore(name: string): boolean {
  return name === JOINED || PART.test(name);
}
