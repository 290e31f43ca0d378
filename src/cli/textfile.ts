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
 * Put `text` where the collector reads it, as a whole or not at all: it may look at any moment. The
 * name it has meanwhile does not end in .prom, so the collector leaves it alone. Whoever runs the
 * collector may read it, whatever the umask.
 *
 * @throws the error of the file system; what was there before is there still.
 */
export function writeTextfile(out: string, text: string): void {
  const temporary = join(dirname(out), `.${basename(out)}.${process.pid}`);
  try {
    rmSync(temporary, { force: true }); // of a pass that was killed
    const fd = openSync(temporary, 'wx', 0o644); // follows no link that another user put there
    try {
      fchmodSync(fd, 0o644); // whatever the umask: the collector is another user
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
