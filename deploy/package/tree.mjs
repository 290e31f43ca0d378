// What every package is made of: the program with its own Node, and where it lies on a machine.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { compile, writeBundle } from './bundle.mjs';
import { bashCompletion, manPage, zshCompletion } from './command-line.mjs';
import { copyright, licences } from './licences.mjs';

const SYSTEMD = 'deploy/systemd';
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'SECURITY.md'];

/** What differs between the machines, by Node's name of them. */
export const MACHINES = {
  x64: { deb: 'amd64', rpm: 'x86_64', strip: 'strip', emulator: 'qemu-x86_64-static' },
  arm64: {
    deb: 'arm64',
    rpm: 'aarch64',
    strip: 'aarch64-linux-gnu-strip',
    emulator: 'qemu-aarch64-static',
  },
};
const FOREIGN_LIBRARIES = '/usr/aarch64-linux-gnu';

/**
 * Writes the program, which runs from any folder: Node, the bundle, its compiled code, package.json.
 *
 * @returns the packages that are in it, each with its folder.
 */
export async function writeProgram(folder, { arch, release, scratch }) {
  mkdirSync(folder, { recursive: true });
  const node = join(folder, 'node');
  const from = nodePackage(arch, scratch);
  execFileSync(MACHINES[arch].strip, ['--output-file', node, join(from, 'bin/node')]);
  chmodSync(node, 0o755);
  const { version, revision } = release;
  const description = { name: 'hwerr-exporter', version, license: 'Apache-2.0', gitHead: revision };
  write(join(folder, 'package.json'), `${JSON.stringify(description)}\n`);
  const packages = await writeBundle(join(folder, 'lib'));
  compile(join(folder, 'lib'), runnable(node, arch));
  write(join(folder, 'LICENSES'), licences([from, ...packages]));
  return [from, ...packages];
}

/** The command that runs a Node of that machine here. */
function runnable(node, arch) {
  if (arch === process.arch) return [node];
  return [MACHINES[arch].emulator, '-L', FOREIGN_LIBRARIES, node];
}

/** The folder of the Node that package-lock.json names for that machine. */
function nodePackage(arch, scratch) {
  const name = `node-linux-${arch}`;
  const installed = join('node_modules', name);
  if (existsSync(installed)) return installed;
  const { version, integrity } = lockedPackages()[installed];
  const folder = join(scratch, name);
  if (existsSync(folder)) return join(folder, 'package');
  mkdirSync(folder, { recursive: true });
  const pack = ['pack', '--loglevel=error', '--prefer-offline', `--pack-destination=${folder}`];
  const file = execFileSync('npm', [...pack, `${name}@${version}`], { encoding: 'utf8' }).trim();
  const archive = join(folder, file);
  const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (`sha512-${digest}` !== integrity) throw new Error(`${name}: not what package-lock.json has`);
  execFileSync('tar', ['--extract', '--file', archive, '--directory', folder, '--no-same-owner']);
  return join(folder, 'package');
}

/** The packages of package-lock.json, by folder. */
export function lockedPackages() {
  return JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
}

/** Writes what a machine gets, below a folder that stands for its root. */
export async function writeRoot(root, { program, packages, release, family }) {
  const lib = join(root, 'usr/lib/hwerr-exporter');
  cpSync(program, lib, { recursive: true });
  write(join(root, 'usr/bin/hwerr-exporter'), launcher('/usr/lib/hwerr-exporter'), 0o755);
  for (const name of readdirSync(SYSTEMD).filter((file) =>
    /\.(service|socket|timer)$/.test(file),
  )) {
    const unit = readFileSync(join(SYSTEMD, name), 'utf8');
    write(
      join(root, 'usr/lib/systemd/system', name),
      unit
        .replaceAll('/usr/local/bin/', '/usr/bin/')
        .replaceAll('deploy/docs/', '/usr/share/doc/hwerr-exporter/deploy/docs/'),
    );
  }
  const config = (path, name) => copy(join(SYSTEMD, name), join(root, path));
  config('usr/lib/sysusers.d/hwerr-exporter.conf', 'hwerr-exporter.sysusers.conf');
  config('usr/lib/tmpfiles.d/hwerr-exporter.conf', 'hwerr-exporter.tmpfiles.conf');
  config('etc/default/hwerr-exporter', 'hwerr-exporter.env');
  const share = join(root, 'usr/share');
  const man = await manPage(release);
  write(join(share, 'man/man1/hwerr-exporter.1.gz'), gzipSync(man, { level: 9 }));
  write(join(share, 'bash-completion/completions/hwerr-exporter'), await bashCompletion());
  const zsh = family === 'deb' ? 'zsh/vendor-completions' : 'zsh/site-functions';
  write(join(share, zsh, '_hwerr-exporter'), await zshCompletion());
  writeDocuments(join(share, 'doc/hwerr-exporter'));
  write(join(share, 'doc/hwerr-exporter/copyright'), copyright(packages));
}

/** README, operators' pages, rules, dashboards and mixin; their links to each other hold. */
export function writeDocuments(folder) {
  for (const name of DOCUMENTS) copy(name, join(folder, name));
  for (const part of [
    'docs',
    'apparmor',
    'selinux',
    'prometheus',
    'grafana',
    'mixin',
    'kubernetes',
    'compose',
  ]) {
    cpSync(join('deploy', part), join(folder, 'deploy', part), { recursive: true });
  }
}

/** V8 gets one thread beside its own: four, as by default, take longer to start than a decode has use for. */
export const NODE_FLAGS = ['--v8-pool-size=1'];

/**
 * Starts the program of the folder $program. NODE_* variables of the machine are for other programs, and some cost
 * every start of Node time. glibc is to give memory back that threads have freed. Without the `--` Node looks at an
 * --env-file of the program, too.
 */
export const START = `unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE NODE_V8_COVERAGE
export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536
exec "$program/node" ${NODE_FLAGS.join(' ')} -- "$program/lib/main.js" "$@"`;

function launcher(folder) {
  return `#!/bin/sh
program=${folder}
${START}
`;
}

/** Gives everything below a folder one time and plain modes, so that the same files make the same package. */
export function settle(folder, epoch) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) settle(path, epoch);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
    lutimesSync(path, epoch, epoch);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, epoch, epoch);
}

export function write(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
