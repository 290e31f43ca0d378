// A real dump of a crash at another time.

import { readFileSync, writeFileSync } from 'node:fs';

import { fixture } from './fixtures.ts';

/** Uncompressed: pci 7, the last 9 s before the panic; others 10, the last 20 s before. */
const DUMP = 'x86_64-7.3.4.elf';
const CRASH_TIME = 1_791_000_351;
const LEADS = [9, 20];

/**
 * The dump as if its kernel had crashed at another time, its hardware errors as long before as they were.
 *
 * @param crashTimeSeconds ten digits; undefined: the dump does not say.
 */
function redatedDump(crashTimeSeconds: number | undefined): Buffer {
  const bytes = readFileSync(fixture(DUMP));
  const next =
    crashTimeSeconds === undefined ? `CRASHTIMX=${CRASH_TIME}` : `CRASHTIME=${crashTimeSeconds}`;
  replaceOnly(bytes, Buffer.from(`CRASHTIME=${CRASH_TIME}`), Buffer.from(next));
  for (const lead of LEADS) {
    const time = (crashTimeSeconds ?? CRASH_TIME) - lead;
    replaceOnly(bytes, seconds(CRASH_TIME - lead), seconds(time));
  }
  return bytes;
}

/** Puts it into a file. @returns the path. */
export function writeRedatedDump(path: string, crashTimeSeconds: number | undefined): string {
  writeFileSync(path, redatedDump(crashTimeSeconds));
  return path;
}

function replaceOnly(bytes: Buffer, from: Buffer, to: Buffer): void {
  const at = bytes.indexOf(from);
  if (at < 0 || from.length !== to.length || bytes.includes(from, at + 1)) {
    throw new Error(`${DUMP}: not once ${from.toString('hex')}`);
  }
  to.copy(bytes, at);
}

/** time64_t, little-endian. */
function seconds(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}
