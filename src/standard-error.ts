// Standard error as the target of the log. Lines may be lost, but the daemon must go on: a reader that
// exits or hangs, a full disk or a closed terminal only costs lines.

import { fstatSync, writeSync } from 'node:fs';

/** Maximum number of bytes buffered for a reader that hangs. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * @returns a function that writes a line and never throws. It counts lines that cannot be written, and
 *   writes their number before the next line that can.
 */
export function standardError(): (line: string) => void {
  const write = isFile(process.stderr.fd) ? toFile : toStream;
  // Without a listener an error of the stream (EPIPE, EIO) would end the process.
  process.stderr.on('error', () => undefined);
  let lost = 0;
  return (line) => {
    const text = lost === 0 ? line : `hwerr-exporter: ${lost} lines of the log were lost\n${line}`;
    lost = write(text) ? 0 : lost + 1;
  };
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Bypasses the stream, which would stop for good after one failed write (ENOSPC). */
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
