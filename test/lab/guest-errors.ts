// Hardware errors for a guest, and what its kernel made of them: read out of its memory by QEMU, where
// /proc/kallsyms says that hwerr_data is. Nothing of the exporter is asked.

import { setTimeout as sleep } from 'node:timers/promises';

import { CATEGORIES, isSevere } from '../../src/vmcore/index.ts';
import { eventually } from '../support/system/eventually.ts';
import type { Guest } from './guest.ts';
import type { HardwareError, LoggedError } from './machine.ts';
import { MACHINE } from './machines.ts';

/** [count, Unix seconds of the last one, or 0] a category. */
export type Counted = Readonly<Record<string, readonly [count: number, seconds: number]>>;

/** Unix seconds of the guest's clock, between which something of whole seconds happened. */
export interface Between {
  readonly from: number;
  readonly to: number;
}

/** By so much the whole seconds that the kernel keeps are late at its next look at the clock. */
const TICK_SECONDS = 1;
/** Between two errors: recovering from one takes a second or so. */
const PAUSE_MS = 3000;
/** The kernel looks for some errors now and then. */
const LOG_MS = 60_000;

/**
 * Waits until the kernel's log tells of it: what the kernel did not see says nothing of what it counts.
 *
 * @param times as often as it is to come, if not said otherwise.
 * @returns when the last of them was.
 */
export async function inject(
  guest: Guest,
  error: HardwareError,
  times: number = error.times,
): Promise<Between> {
  const logged = guest.console().length;
  let clock = 0;
  for (let number = 0; number < times; number++) {
    if (number === times - 1) clock = await clockOf(guest);
    await error.inject(guest, number);
    await sleep(PAUSE_MS);
  }
  await eventually(
    `the kernel logs a ${error.name}`,
    () => error.logged.test(guest.console().slice(logged)) || undefined,
    LOG_MS,
  );
  // What follows at once may be of one and the same error, by the log.
  await sleep(PAUSE_MS);
  return between(clock, await clockOf(guest));
}

/** Unix seconds. */
export async function clockOf(guest: Guest): Promise<number> {
  return Number(await guest.shell('echo $EPOCHREALTIME'));
}

/** Of what happened between two moments. */
export function between(from: number, to: number): Between {
  return { from: Math.floor(from) - TICK_SECONDS, to };
}

/** `2 machine checks, 3 PCIe errors` */
export function listed(errors: readonly HardwareError[]): string {
  return errors.map(({ name, times }) => `${times} ${name}${times === 1 ? '' : 's'}`).join(', ');
}

/** How many of each category they are to make. */
export function expectedCounts(errors: readonly HardwareError[]): Readonly<Record<string, number>> {
  const counts = Object.fromEntries(CATEGORIES.map((category) => [category, 0]));
  for (const { category, times } of errors) if (category !== undefined) counts[category]! += times;
  return counts;
}

/** The last error injected that is more than corrected, and whether a kernel with counters counts it. */
export function lastSevere(release: string): LoggedError & { readonly counted: boolean } {
  const errors = MACHINE.errors.flatMap((error) => {
    const logged = error.event(error.times - 1, release);
    return logged === undefined ? [] : { ...logged, counted: error.category !== undefined };
  });
  return errors.findLast(isSevere)!;
}

export function countsOf(counted: Counted): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(counted).map(([category, [count]]) => [category, count]),
  );
}

/** Address of hwerr_data; undefined where the kernel has none. */
export async function arrayAddress(guest: Guest): Promise<string | undefined> {
  const lines = await guest.shell("grep ' hwerr_data$' /proc/kallsyms");
  return /^([\da-f]{8,16}) /m.exec(lines)?.[1];
}

export async function countedBy(guest: Guest, address: string): Promise<Counted> {
  const { timeOffset } = MACHINE;
  const [element, time] = [(timeOffset + 8) / 4, timeOffset / 4];
  const wanted = CATEGORIES.length * element;
  const dump = await guest.monitor(`x /${wanted}wx 0x${address}`);
  const words = [...dump.matchAll(/ 0x([\da-f]{8})/g)].map(([, word = '']) => parseInt(word, 16));
  if (words.length !== wanted) throw new Error(`the monitor does not show hwerr_data: ${dump}`);
  return Object.fromEntries(
    CATEGORIES.map((category, i) => {
      return [category, [words[element * i]!, words[element * i + time]!] as const];
    }),
  );
}

/** Seconds since boot of the last line that the kernel wrote. */
export function newestLogTime(guest: Guest): number {
  const [, seconds] = [...guest.console().matchAll(/^\[ *([\d.]+)\]/gm)].at(-1) ?? [];
  if (seconds === undefined) throw new Error('the console has no line of the kernel');
  return Number(seconds);
}

/** Seconds since boot of the last line of the kernel's log that matches. */
export function loggedAt(guest: Guest, pattern: RegExp): number {
  const line = guest
    .console()
    .split('\n')
    .findLast((text) => pattern.test(text));
  const uptime = /^\[ *([\d.]+)\]/.exec(line ?? '');
  if (uptime === null) throw new Error(`the log has no ${String(pattern)}`);
  return Number(uptime[1]);
}
