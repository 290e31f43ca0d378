// A machine that has booted Debian, kept as it was then: to go on from there takes seconds, to boot minutes.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from '../support/system/temp-dir.ts';
import { type MachineImage, machineImage } from './machine-image.ts';
import { MACHINE } from './machines.ts';
import type { RunRecord } from './run-record.ts';
import { type WholeMachine, startMachine } from './whole-machine.ts';

/** What a machine is made of. */
const HARDWARE = ['whole-machine.ts', `${MACHINE.name}.ts`].map(
  (name) => new URL(name, import.meta.url),
);

export interface BootedMachine {
  readonly image: MachineImage;
  /** Its root disk as it was. */
  readonly disk: string;
  /** The rest of it. */
  readonly state: string;
}

let booted: Promise<BootedMachine> | undefined;

/** With the exporter stopped. Made once in a run. */
export function bootedMachine(record: RunRecord): Promise<BootedMachine> {
  return (booted ??= boot(record));
}

async function boot(record: RunRecord): Promise<BootedMachine> {
  const image = machineImage();
  const path = (name: string): string => join(image.folder, name);
  const [disk, state, of] = [path('booted-disk'), path('booted-state'), path('booted-of')];
  const digest = createHash('sha256').update(image.key);
  for (const file of HARDWARE) digest.update(readFileSync(file));
  const key = digest.digest('hex');
  if (existsSync(of) && readFileSync(of, 'utf8') === key) {
    record.tell('goes on from a machine that has booted');
    return { image, disk, state };
  }
  rmSync(of, { force: true });
  execFileSync('cp', ['--sparse=always', '--reflink=auto', image.disk, disk]);
  record.tell('boots');
  const machine = await startMachine({ image, disk, keep: true, folder: tempDir() });
  await machine.booted();
  const running = await machine.shell('systemctl is-system-running --wait; systemd-analyze');
  record.tell(`is up: ${running}`);
  await machine.shell('systemctl stop hwerr-exporter; sync');
  await machine.suspend(state);
  writeFileSync(of, key);
  return { image, disk, state };
}

/** One that goes on from there, with a disk of its own. @param folder for its sockets and its console. */
export async function goOn(booted: BootedMachine, folder: string): Promise<WholeMachine> {
  const { image, disk, state } = booted;
  const machine = await startMachine({ image, disk, folder, resume: state });
  // Its clock stood still.
  await machine.shell(`date --set=@${Math.floor(Date.now() / 1000)}`);
  return machine;
}
