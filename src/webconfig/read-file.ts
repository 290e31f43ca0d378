// Reads a configuration file without blocking: opening a FIFO would block the whole daemon.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const MAX_BYTES = 2 ** 20;

/** Returns the text of a regular file, or of /dev/null. @throws Error if it cannot be read or is neither. */
export function readConfigFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() && !stat.isCharacterDevice()) throw new Error('not a regular file');
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(fd, bytes, length, bytes.length - length, null);
      if (read === 0) break;
      length += read;
    }
    if (length > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}
