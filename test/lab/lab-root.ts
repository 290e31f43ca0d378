// What test/lab/setup.sh unpacked: programs and kernels of newer Debian suites.

import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { MACHINE } from './machines.ts';

export const CACHE: string = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'hwerr-lab',
);
/** Of this machine. */
export const ROOT: string = join(CACHE, 'root');
/** Of the guest: its /root. */
export const GUEST_ROOT: string = join(CACHE, MACHINE.root);
/** With what it is made. */
const SETUP =
  MACHINE.root === 'root'
    ? 'test/lab/setup.sh'
    : `HWERR_LAB_ARCH=${MACHINE.name} test/lab/setup.sh`;
const LIBRARIES = join(ROOT, 'usr/lib/x86_64-linux-gnu');

/**
 * Arguments that run a program of the root, on whatever Debian this is.
 *
 * @throws with the command that gets it, where it is not there.
 */
export function rootProgram(path: string): string[] {
  if (!existsSync(join(ROOT, path))) {
    throw new Error(`no ${path} in ${ROOT}: run ${SETUP}`);
  }
  const libraries = [LIBRARIES, join(LIBRARIES, 'pulseaudio')].join(':');
  return [
    join(LIBRARIES, 'ld-linux-x86-64.so.2'),
    ...['--library-path', libraries],
    join(ROOT, path),
  ];
}

export interface LabKernel {
  /** uname -r */
  readonly release: string;
  /** Below the guest's root. */
  readonly vmlinuz: string;
}

/**
 * A kernel by its release, or the newest of a version, such as 7.3.
 *
 * @throws with the command that gets it, where it is not there.
 */
export function labKernel(version: string): LabKernel {
  const exact = kernels().find(({ release }) => release === version);
  if (exact !== undefined) return exact;
  const kernel = kernels()
    .filter(({ release }) => release.startsWith(version))
    .filter(({ release }) => /^[.+]/.test(release.slice(version.length)))
    .filter(({ release }) => !/cloud|-rt-/.test(release))
    .sort((a, b) => a.release.localeCompare(b.release, 'en', { numeric: true }))
    .at(-1);
  if (kernel !== undefined) return kernel;
  throw new Error(`no kernel ${version} in ${GUEST_ROOT}: run ${SETUP} ${version}`);
}

/** Debian has moved them: from /boot to beside the modules. */
function kernels(): LabKernel[] {
  const inBoot = namesIn('boot')
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => ({ release: name.replace('vmlinuz-', ''), vmlinuz: `boot/${name}` }));
  const besideModules = namesIn('usr/lib/modules')
    .map((release) => ({ release, vmlinuz: `usr/lib/modules/${release}/vmlinuz` }))
    .filter(({ vmlinuz }) => existsSync(join(GUEST_ROOT, vmlinuz)));
  return [...inBoot, ...besideModules];
}

function namesIn(folder: string): string[] {
  const path = join(GUEST_ROOT, folder);
  return existsSync(path) ? readdirSync(path) : [];
}
