// What test/lab/setup.sh unpacked: programs and kernels of newer Debian suites.

import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hwerr-lab');
export const ROOT: string = join(CACHE, 'root');
const LIBRARIES = join(ROOT, 'usr/lib/x86_64-linux-gnu');

/**
 * Arguments that run a program of the root, on whatever Debian this is.
 *
 * @throws with the command that gets it, where it is not there.
 */
export function rootProgram(path: string): string[] {
  if (!existsSync(join(ROOT, path))) {
    throw new Error(`no ${path} in ${ROOT}: run test/lab/setup.sh`);
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
  /** Below the root. */
  readonly vmlinuz: string;
}

/**
 * The newest kernel of a version, such as 7.3.
 *
 * @throws with the command that gets it, where it is not there.
 */
export function labKernel(version: string): LabKernel {
  const kernel = kernels()
    .filter(({ release }) => release.startsWith(version))
    .filter(({ release }) => /^[.+]/.test(release.slice(version.length)))
    .filter(({ release }) => !release.includes('cloud'))
    .sort((a, b) => a.release.localeCompare(b.release, 'en', { numeric: true }))
    .at(-1);
  if (kernel !== undefined) return kernel;
  throw new Error(`no kernel ${version} in ${ROOT}: run test/lab/setup.sh ${version}`);
}

/** Debian has moved them: from /boot to beside the modules. */
function kernels(): LabKernel[] {
  const inBoot = namesIn('boot')
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => ({ release: name.replace('vmlinuz-', ''), vmlinuz: `boot/${name}` }));
  const besideModules = namesIn('usr/lib/modules')
    .map((release) => ({ release, vmlinuz: `usr/lib/modules/${release}/vmlinuz` }))
    .filter(({ vmlinuz }) => existsSync(join(ROOT, vmlinuz)));
  return [...inBoot, ...besideModules];
}

function namesIn(folder: string): string[] {
  const path = join(ROOT, folder);
  return existsSync(path) ? readdirSync(path) : [];
}
