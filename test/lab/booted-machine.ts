// A machine that has booted Debian, kept as it was then: to go on from there takes seconds, to boot minutes.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { tempDir } from '../support/system/temp-dir.ts';
import { type MachineImage, machineImage } from './machine-image.ts';
import type { RunRecord } from './run-record.ts';
import { startMachine } from './whole-machine.ts';

export interface BootedMachine {
  readonly image: MachineImage;
  /** Its root disk as it was. */
  readonly disk: string;
  /** The rest of it. */
  readonly state: string;
}

/** With the exporter stopped. */
export async function bootedMachine(record: RunRecord): Promise<BootedMachine> {
  const image = machineImage();
  const path = (name: string): string => join(image.folder, name);
  const [disk, state, of] = [path('booted-disk'), path('booted-state'), path('booted-of')];
  if (existsSync(of) && readFileSync(of, 'utf8') === image.key) {
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
  writeFileSync(of, image.key);
  return { image, disk, state };
}
