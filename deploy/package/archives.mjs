// The archive that deployment roles unpack, and the package for npm.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { MACHINES, START, lockedPackages, settle, write, writeDocuments } from './tree.mjs';

/** Builds hwerr-exporter-VERSION.linux-ARCH.tar.gz: the program in any folder, without root. */
export function buildTarball(program, { arch, release, out, scratch }) {
  const name = `hwerr-exporter-${release.version}.linux-${MACHINES[arch].deb}`;
  const folder = join(scratch, name);
  cpSync(program, join(folder, 'lib/hwerr-exporter'), { recursive: true });
  write(
    join(folder, 'hwerr-exporter'),
    `#!/bin/sh
# Runs from wherever the archive was unpacked, also through a symbolic link.
self=$0
[ -L "$self" ] && self=$(readlink -f "$self")
program=\${self%/*}/lib/hwerr-exporter
${START}
`,
    0o755,
  );
  cpSync('LICENSE', join(folder, 'LICENSE'));
  writeDocuments(folder);
  cpSync('deploy/systemd', join(folder, 'deploy/systemd'), { recursive: true });
  settle(folder, release.epoch);
  const file = join(out, `${name}.tar.gz`);
  const plain = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  const compress = `gzip --no-name -${release.fast ? 1 : 9}`;
  execFileSync('tar', [
    ...plain,
    `--use-compress-program=${compress}`,
    '-cf',
    file,
    '-C',
    scratch,
    name,
  ]);
  return file;
}

/** Builds the package for npm, with the versions of package-lock.json. */
export function buildNpmPackage({ release, out, scratch }) {
  const folder = join(scratch, 'npm');
  mkdirSync(folder, { recursive: true });
  const { devDependencies, overrides, scripts, knip, prettier, ...description } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );
  const files = [...description.files, 'npm-shrinkwrap.json'];
  const root = { ...description, files, gitHead: release.revision };
  write(join(folder, 'package.json'), `${JSON.stringify(root, null, 2)}\n`);
  const locked = Object.entries(lockedPackages()).filter(
    ([path, { dev, devOptional }]) => path.startsWith('node_modules/') && !dev && !devOptional,
  );
  const { name, version, license, dependencies, bin, engines } = root;
  const own = { name, version, license, dependencies, bin, engines };
  const lock = { name, version, lockfileVersion: 3, requires: true };
  const packages = Object.fromEntries([['', own], ...locked]);
  write(join(folder, 'npm-shrinkwrap.json'), `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
  for (const path of ['dist', 'deploy', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE']) {
    cpSync(path, join(folder, path), { recursive: true });
  }
  execFileSync('npm', ['pack', '--silent', `--pack-destination=${out}`], {
    cwd: folder,
    stdio: 'ignore',
  });
  return join(out, `${name}-${version}.tgz`);
}
