// Names of the files in pstore, and of those that systemd-pstore makes from them.

/** Names of the parts of a log, from fs/pstore/inode.c pstore_mkfile(): backend, and its number for the part. */
const PART = /^dmesg-([A-Za-z0-9_]{1,32})-(\d{1,20})(\.enc\.z)?$/;

/** Made by systemd-pstore: all parts of a record, joined. Kdump tools also use this name. */
const JOINED = 'dmesg.txt';

/** The components of the name of a part (fs/pstore/inode.c pstore_mkfile()). */
export interface PstoreName {
  readonly backend: string;
  readonly id: string;
  /** The kernel could not decompress the part. */
  readonly isCompressed: boolean;
}

/** @returns undefined if the name is not that of a part. */
export function pstoreName(name: string): PstoreName | undefined {
  const [, backend, id, compressed] = PART.exec(name) ?? [];
  if (backend === undefined || id === undefined) return undefined;
  return { backend, id, isCompressed: compressed !== undefined };
}

/** Whether a file of this name may be a pstore record or a part of one. */
export function maybePstore(name: string): boolean {
  return name === JOINED || PART.test(name);
}
