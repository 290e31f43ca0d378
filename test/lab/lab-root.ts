// What test/lab/setup.sh unpacked: programs and kernels of newer Debian suites.

import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hwerr-lab');
export const ROOT: string = join(CACHE, 'root');
const LIBRARIES = join(ROOT, 'usr/lib/x86_64-linux-gnu');

/** Arguments that run a program of the root, on whatever Debian this is. */
export function rootProgram(path: string): string[] {
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
  /** Folder of its modules. */
  readonly modules: string;
}

/**
 * The newest kernel of a version, such as 7.3.
 *
 * @throws with the command that gets it, where it is not there.
 */
export function labKernel(version: string): LabKernel {
  const folders = ['usr/lib/modules', 'lib/modules'].map((folder) => join(ROOT, folder));
  const releases = folders
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
    .filter((name) => name.startsWith(version) && /^[.+]/.test(name.slice(version.length)))
    .filter((name) => !name.includes('cloud'))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const release = releases.at(-1) ?? '';
  const modules = folders.map((folder) => join(folder, release)).find((path) => existsSync(path));
  const vmlinuz = [`usr/lib/modules/${release}/vmlinuz`, `boot/vmlinuz-${release}`].find((path) =>
    existsSync(join(ROOT, path)),
  );
  if (release === '' || modules === undefined || vmlinuz === undefined) {
    throw new Error(`no kernel ${version} in ${ROOT}: run test/lab/setup.sh ${version}`);
  }
  return { release, vmlinuz, modules };
}
