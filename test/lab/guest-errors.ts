// Hardware errors for a guest, and what its kernel made of them: read out of its memory by QEMU, where
// /proc/kallsyms says that hwerr_data is. Nothing of the exporter is asked.

import { setTimeout as sleep } from 'node:timers/promises';

import { CATEGORIES } from '../../src/vmcore/index.ts';
import type { Guest } from './guest.ts';

/** [count, Unix seconds of the last one, or 0] a category. */
export type Counted = Readonly<Record<string, readonly [count: number, seconds: number]>>;

/** Between two errors: recovering from one takes a second or so. */
const PAUSE_MS = 3000;

/** An uncorrectable memory error that no program used (SRAO), told to every CPU. */
export async function injectMachineCheck(guest: Guest, address: number): Promise<void> {
  await guest.monitor(`mce -b 0 9 0xbd000000000000c0 0x5 0x${address.toString(16)} 0x8c`);
  await sleep(PAUSE_MS);
}

/** A completion timeout of the card behind the root port: bus 1, uncorrectable, not fatal. */
export async function injectPcieError(guest: Guest): Promise<void> {
  // struct aer_error_inj (drivers/pci/pcie/aer_inject.c): bus, dev, fn, pad, uncor_status.
  const record = [1, 0, 0, 0, 0, 0x40, 0, 0, ...new Array<number>(24).fill(0)];
  const octal = record.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  await guest.shell(`printf '${octal}' >/dev/aer_inject`);
  await sleep(PAUSE_MS);
}

/** Address of hwerr_data; undefined where the kernel has none. */
export async function arrayAddress(guest: Guest): Promise<string | undefined> {
  const lines = await guest.shell("grep ' hwerr_data$' /proc/kallsyms");
  return /^([\da-f]{16}) /m.exec(lines)?.[1];
}

export async function countedBy(guest: Guest, address: string): Promise<Counted> {
  const dump = await guest.monitor(`x /20wx 0x${address}`);
  const words = [...dump.matchAll(/ 0x([\da-f]{8})/g)].map(([, word = '']) => parseInt(word, 16));
  if (words.length !== 20) throw new Error(`the monitor does not show hwerr_data: ${dump}`);
  return Object.fromEntries(
    CATEGORIES.map((category, i) => [category, [words[4 * i]!, words[4 * i + 2]!] as const]),
  );
}

/**
 * Unix seconds of the last line of the kernel's log that matches. The log has the time since boot; the
 * init script wrote both clocks down.
 */
export function loggedSeconds(guest: Guest, pattern: RegExp): number {
  const clock = /LAB clock ([\d.]+) (\d+)/.exec(guest.console());
  const line = guest
    .console()
    .split('\n')
    .findLast((text) => pattern.test(text));
  const uptime = /^\[ *([\d.]+)\]/.exec(line ?? '');
  if (clock === null || uptime === null) throw new Error(`the log has no ${String(pattern)}`);
  return Number(clock[2]) + Number(uptime[1]) - Number(clock[1]);
}
