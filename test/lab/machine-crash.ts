// A panic of a whole machine, and its way back.

import { eventually } from '../support/system/eventually.ts';
import { expect } from 'vitest';
import { type Between, between, clockOf } from './guest-errors.ts';
import { MACHINE } from './machines.ts';
import type { RunRecord } from './run-record.ts';
import type { WholeMachine } from './whole-machine.ts';

/** A kernel's first words. */
const BANNER = /^\[ +0\.0+\] Linux version /gm;
export const DUMP_MS = 900_000;

/** One that is more than corrected. */
export const ERROR = MACHINE.errors.find(({ name }) => name === 'PCIe error')!;
/** What the exporter reports of a crash after it. */
export const TOLD = {
  panicMessage: 'Kernel panic - not syncing: sysrq triggered crash',
  verdict: {
    kind: 'logged_suspect',
    error: { category: 'pci', severity: 'recoverable', part: '0000:00:1c.0' },
  },
};

/**
 * Waits until it has booted anew.
 *
 * @param kernels that start until then: one, or two where a crash kernel is between.
 * @returns when it was, by the guest's clock.
 */
export async function crash(machine: WholeMachine, kernels: 1 | 2): Promise<Between> {
  const before = started(machine);
  const clock = await clockOf(machine);
  const asked = performance.now();
  await machine.shell('nohup sh -c "sleep 1; echo c >/proc/sysrq-trigger" >/dev/null 2>&1 &');
  await until(machine, before + 1);
  const crashed = between(clock, clock + (performance.now() - asked) / 1000);
  await until(machine, before + kernels);
  await machine.booted();
  return crashed;
}

/** How many kernels have. */
function started(machine: WholeMachine): number {
  return [...machine.console().matchAll(BANNER)].length;
}

async function until(machine: WholeMachine, count: number): Promise<void> {
  await eventually(
    `${count} kernels have started`,
    () => started(machine) >= count || undefined,
    DUMP_MS,
  );
}

/** What `doctor` says. */
export async function doctor(machine: WholeMachine, record: RunRecord): Promise<string> {
  const said = await machine.shell('hwerr-exporter doctor; echo "exit code $?"');
  record.tell(said);
  return said;
}

/** AppArmor confines the exporter, and has denied it nothing. */
export async function isConfined(machine: WholeMachine): Promise<void> {
  const label = 'cat /proc/$(systemctl show hwerr-exporter -p MainPID --value)/attr/current';
  expect(await machine.shell(label)).toBe('hwerr-exporter (enforce)\n');
  expect(machine.console()).not.toMatch(/apparmor="DENIED".*profile="hwerr-exporter"/);
}
