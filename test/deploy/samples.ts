// Real dumps for the tests of deploy/: the committed fixtures, or the big ones they were cut from.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { sharedVmcores } from '../support/samples.ts';

/** Its crash: pci 7, the last 9 s before the panic; others 10, 20 s before. 2026-10-03 04:05:51 UTC. */
export const PCI_CRASH = 'x86_64-7.3.4.lzo';

/** Dumps of four crashes. */
export const SAMPLES: readonly string[] = [
  PCI_CRASH,
  'arm64-7.3.4.elf',
  'x86_64-6.19.10-no-note.flat-zlib',
  'x86_64-6.18.12-no-hwerr.flat-zlib',
];

const folders = [fileURLToPath(new URL('../fixtures', import.meta.url)), sharedVmcores()];

/** Where a sample is. @throws Error when this machine has it nowhere: ask haveSamples first. */
export function sample(name: string): string {
  const path = pathOf(name);
  if (path === undefined) throw new Error(`${name} is in no folder of samples`);
  return path;
}

export const haveSamples: boolean = SAMPLES.every((name) => pathOf(name) !== undefined);

function pathOf(name: string): string | undefined {
  return folders
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}
