// hwerr-exporter textfile --out FILE.prom: for node_exporter's textfile collector.

import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces `out` atomically, because the collector may read it at any moment. The temporary name does not end
 * in .prom, so the collector ignores it. The file is readable by all users, whatever the umask.
 *
 * @throws the error of the file system; the previous file is then unchanged.
 */
export function writeTextfile(out: string, text: string): void {
  const temporary = join(dirname(out), `.${basename(out)}.${process.pid}`);
  try {
    rmSync(temporary, { force: true }); // left by a pass that was killed
    const fd = openSync(temporary, 'wx', 0o644); // does not follow a link that another user put there
    try {
      fchmodSync(fd, 0o644); // despite the umask: the collector runs as another user
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, out);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
