// Standard error as a log may use it. The log may be lost, the daemon may not: a reader that is gone,
// that hangs, a full disk or a closed terminal costs lines and nothing else.

import { fstatSync, writeSync } from 'node:fs';

/** What may wait for a reader that hangs, bytes. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * @returns what writes a line, and never throws. Lines that could not be written are counted; the
 *   next one that can be is preceded by their number.
 */
export function standardError(): (line: string) => void {
  const write = isFile(process.stderr.fd) ? toFile : toStream;
  // Without a listener an error of the stream (EPIPE, EIO) would end the process.
  process.stderr.on('error', () => undefined);
  let lost = 0;
  return (line) => {
    const told = lost === 0 ? line : `hwerr-exporter: ${lost} lines of the log were lost\n${line}`;
    lost = write(told) ? 0 : lost + 1;
  };
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Past the stream: one failed write (ENOSPC) would be its last. */
function toFile(text: string): boolean {
  try {
    writeSync(process.stderr.fd, text);
    return true;
  } catch {
    return false;
  }
}

function toStream(text: string): boolean {
  if (!process.stderr.writable || process.stderr.writableLength > MAX_WAITING_BYTES) return false;
  process.stderr.write(text);
  return true;
}
