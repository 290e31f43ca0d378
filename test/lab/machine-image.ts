// The disk of a whole machine: Debian, kdump-tools, and the exporter from the package that is released.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { CACHE } from './lab-root.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SCRIPT = fileURLToPath(new URL('machine-image.sh', import.meta.url));
const SUITE = process.env['HWERR_LAB_SUITE'] ?? 'bookworm';

export interface MachineImage {
  /** Of the exporter's package and of the script. */
  readonly key: string;
  readonly folder: string;
  /** Of Debian. */
  readonly suite: string;
  readonly disk: string;
  readonly vmlinuz: string;
  readonly initrd: string;
}

/** Makes it where it is not there, or was made of something else. */
export function machineImage(): MachineImage {
  const folder = join(CACHE, `machine-${SUITE}`);
  const packages = join(folder, 'release');
  mkdirSync(folder, { recursive: true });
  const release = ['deploy/package/release.mjs', '--arch=x64', '--fast', `--out=${packages}`];
  execFileSync(process.execPath, release, { cwd: PROJECT, stdio: ['ignore', 'ignore', 'pipe'] });
  const deb = readdirSync(packages).find((name) => name.endsWith('.deb'));
  if (deb === undefined) throw new Error(`no .deb in ${packages}`);
  const digest = createHash('sha256');
  for (const file of [SCRIPT, join(packages, deb)]) digest.update(readFileSync(file));
  const key = digest.digest('hex');
  const made = join(folder, 'made-of');
  if (!existsSync(made) || readFileSync(made, 'utf8') !== key) {
    const args = [SCRIPT, SUITE, mirror(), join(packages, deb), folder];
    execFileSync('sh', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    writeFileSync(made, key);
  }
  const file = (name: string): string => join(folder, name);
  return {
    key,
    folder,
    suite: SUITE,
    disk: file('disk'),
    vmlinuz: file('vmlinuz'),
    initrd: file('initrd'),
  };
}

/** Where apt gets the packages of this machine from. */
function mirror(): string {
  const args = ['indextargets', '--format', '$(REPO_URI)', 'Identifier: Packages'];
  const uris = execFileSync('apt-get', args, { encoding: 'utf8' }).split('\n');
  const found = uris.find((uri) => /\/debian\/?$/.test(uri));
  if (found === undefined) throw new Error('apt knows no mirror of Debian: run apt-get update');
  return found;
}
