// A guest with a crash kernel loaded, and with the way in which that one is to write its dump.

import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, onTestFinished } from 'vitest';

import { eventually } from '../support/system/eventually.ts';
import { type Between, between, clockOf } from './guest-errors.ts';
import { type SharingGuest, startGuest } from './guest.ts';
import { exporterArchive, initramfs } from './initramfs.ts';
import type { LabKernel } from './lab-root.ts';
import { MACHINE } from './machines.ts';

/** A kernel's first words. */
const BANNER = /^\[ +0\.0+\] Linux version /gm;
/** The crash kernel's time. */
const DUMP_MS = 600_000;
const SCRIPTS = fileURLToPath(new URL('kdump/', import.meta.url));

export interface KdumpGuestSetup {
  readonly kernel: LabKernel;
  readonly folder: string;
  /** A script of test/lab/kdump, without its ending. */
  readonly kdump: string;
  /** Variables that the script reads. */
  readonly settings: Readonly<Record<string, string>>;
  /** Whether Node and the exporter are to be there. */
  readonly exporter: boolean;
}

/** Stopped when the test ends. @returns also the folder that kdump writes to. */
export async function startKdumpGuest(
  setup: KdumpGuestSetup,
): Promise<{ guest: SharingGuest; crashes: string }> {
  const { kernel, folder, kdump, exporter } = setup;
  const script = join(SCRIPTS, `${kdump}.sh`);
  if (!existsSync(script)) {
    const names = readdirSync(SCRIPTS).map((name) => name.replace('.sh', ''));
    throw new Error(`no layout ${kdump}: there are ${names.join(', ')}`);
  }
  const share = join(folder, 'share');
  const crashes = join(share, 'crash');
  mkdirSync(crashes, { recursive: true });
  copyFileSync(script, join(share, 'kdump'));
  const settings = {
    ...{ VMLINUZ: kernel.vmlinuz, CONSOLE: MACHINE.console },
    ...{ TRIPLET: MACHINE.triplet, LOADER: MACHINE.loader },
    ...setup.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);
  writeFileSync(join(share, 'settings'), lines.join(''));
  const base = initramfs(folder, kernel);
  writeFileSync(join(share, 'initramfs'), base);
  const initrd = join(folder, 'initrd');
  writeFileSync(initrd, exporter ? Buffer.concat([base, exporterArchive(folder)]) : base);
  const guest = await startGuest({ kernel, folder, initrd, share, memory: exporter ? 1792 : 896 });
  onTestFinished(() => guest.stop());
  expect((await guest.shell('cat /sys/kernel/kexec_crash_loaded')).trim()).toMatch(/^1/);
  return { guest, crashes };
}

/**
 * Lets it crash, and waits until its crash kernel has written what it should.
 *
 * @returns when it crashed: from its clock a moment before until its crash kernel spoke.
 */
export async function crash(guest: SharingGuest): Promise<Between> {
  const asked = performance.now();
  const clock = await clockOf(guest);
  guest.send('echo c >/proc/sysrq-trigger');
  await eventually(
    'the crash kernel boots',
    () => [...guest.console().matchAll(BANNER)].length === 2 || undefined,
    DUMP_MS,
  );
  const seconds = (performance.now() - asked) / 1000;
  await dumped(guest);
  return between(clock, clock + seconds);
}

/** @returns when the crash kernel of a guest that crashes has written what it should. */
export async function dumped(guest: SharingGuest): Promise<void> {
  await guest.ended(DUMP_MS);
  expect(guest.console()).toContain('LAB kdump ended with 0');
}
