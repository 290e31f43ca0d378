// Files of pstore, as the kernel shows them and as systemd-pstore leaves them.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Unix seconds at which the records below were written. */
export const PSTORE_TIME = 1_791_000_351;

/** Lines of a log as pstore keeps them, with facility and level; the panic is the last but two. */
export function pstoreLines(uptime = '   41.756123', cause = 'sysrq triggered crash'): string[] {
  return [
    '<6>[   30.000000] eth0: link up',
    '<4>[   32.514997] pcieport 0000:00:02.0: AER: Uncorrected (Non-Fatal) error received: 0000:01:00.1',
    '<12>[   35.000000] Kernel panic - not syncing: written through /dev/kmsg',
    '<6>[   40.000000] sysrq: Trigger a crash',
    `<0>[${uptime}] Kernel panic - not syncing: ${cause}`,
    `<4>[${uptime}] CPU: 3 PID: 77 Comm: worker Not tainted 7.3.4+deb13-cloud-amd64 #1`,
    `<4>[${uptime}] Hardware name: Dell Inc. PowerEdge R740/0WGD1O, BIOS 2.19.1 06/04/2023`,
  ];
}

/** The parts of a record, the newest first: of two lines each, as of a small buffer. */
export function pstoreParts(lines: readonly string[], record = 'Panic#1'): string[] {
  const parts: string[] = [];
  for (let end = lines.length; end > 0; end -= 2) {
    const some = lines.slice(Math.max(0, end - 2), end);
    parts.push(`${record} Part${parts.length + 1}\n${some.join('\n')}\n`);
  }
  return parts;
}

export type Backend = 'efi' | 'ramoops';

/** Name of a part in /sys/fs/pstore: efi-pstore.c has its number say time, part and count. */
export function partName(backend: Backend, part: number, time = PSTORE_TIME): string {
  return backend === 'efi'
    ? `dmesg-efi_pstore-${time}${String(part).padStart(2, '0')}001`
    : `dmesg-ramoops-${part - 1}`;
}

/** A record as in /sys/fs/pstore. @returns the paths of its parts, the newest lines first. */
export function writePstore(
  directory: string,
  backend: Backend,
  parts: readonly string[],
  time = PSTORE_TIME,
): string[] {
  return parts.map((text, i) => written(join(directory, partName(backend, i + 1, time)), text));
}

/**
 * The same record when systemd-pstore has moved it, src/pstore/pstore.c: parts of efi in a directory of
 * their time and one of their count, with dmesg.txt of all of them, oldest first.
 */
export function writeMoved(
  directory: string,
  parts: readonly string[],
  time = PSTORE_TIME,
): string {
  const folder = join(directory, String(time), '001');
  writePstore(folder, 'efi', parts, time);
  return written(join(folder, 'dmesg.txt'), parts.toReversed().join(''));
}

function written(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
