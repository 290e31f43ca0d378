// The guest's file systems: busybox and the init script; and for the kernel that will crash also Node
// with the exporter.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { GUEST_ROOT, type LabKernel, ROOT } from './lab-root.ts';
import { MACHINE } from './machines.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const BUSYBOX = 'usr/bin/busybox';
const FOLDERS = ['bin', 'dev', 'modules', 'proc', 'root', 'share', 'sys', 'tmp'];
/** What reaches the host's folders, in this order; part of Debian's kernels since 6.12. */
const MODULES = [
  ...['drivers/virtio/virtio.ko', 'drivers/virtio/virtio_ring.ko'],
  ...['drivers/virtio/virtio_pci_modern_dev.ko', 'drivers/virtio/virtio_pci_legacy_dev.ko'],
  ...['drivers/virtio/virtio_pci.ko', 'fs/fuse/fuse.ko', 'fs/fuse/virtiofs.ko'],
];
const NODE_LIBRARIES = [
  ...['libstdc++.so.6', 'libgcc_s.so.1', 'libc.so.6', 'libm.so.6'],
  ...['libdl.so.2', 'libpthread.so.0'],
];

/** What a kernel boots, as a cpio archive. @param folder to build it in. @param init a script of this folder. */
export function initramfs(folder: string, { release }: LabKernel, init = 'init.sh'): Buffer {
  const tree = emptyTree(folder, 'base');
  for (const path of FOLDERS) mkdirSync(join(tree, path), { recursive: true });
  copyFileSync(join(GUEST_ROOT, BUSYBOX), join(tree, 'bin/busybox'));
  symlinkSync('busybox', join(tree, 'bin/sh'));
  for (const [i, module] of MODULES.entries()) {
    const file = join(GUEST_ROOT, 'usr/lib/modules', release, 'kernel', module);
    if (existsSync(file)) copyFileSync(file, join(tree, 'modules', `${i}-${basename(module)}`));
  }
  copyFileSync(fileURLToPath(new URL(init, import.meta.url)), join(tree, 'init'));
  chmodSync(join(tree, 'init'), 0o755);
  return cpio(tree);
}

/** Node and the built exporter, to be appended to that. */
export function exporterArchive(folder: string): Buffer {
  const tree = emptyTree(folder, 'app');
  const libraries = join(tree, 'lib', MACHINE.triplet);
  for (const path of [join(tree, MACHINE.loaderFolder), join(tree, 'node'), libraries]) {
    mkdirSync(path, { recursive: true });
  }
  const foreign = MACHINE.nodeArchitecture !== process.arch;
  const node = foreign ? join(GUEST_ROOT, 'usr/bin/node') : process.execPath;
  copyFileSync(node, join(tree, 'node/node'));
  const from = join(GUEST_ROOT, 'usr/lib', MACHINE.triplet);
  copyFileSync(join(from, MACHINE.loader), join(tree, MACHINE.loaderFolder, MACHINE.loader));
  for (const library of NODE_LIBRARIES) copyFileSync(join(from, library), join(libraries, library));
  if (foreign) installPackages(join(tree, 'app'));
  for (const path of [
    ...(foreign ? [] : packages()),
    join(PROJECT, 'dist'),
    join(PROJECT, 'package.json'),
  ]) {
    const target = join(tree, 'app', relative(PROJECT, path));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target, { recursive: true, filter: (file) => !/\.(map|d\.ts|md)$/.test(file) });
  }
  return cpio(tree);
}

/** What the exporter needs of node_modules. */
function packages(): string[] {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable', '--silent'], {
    cwd: PROJECT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return listed.split('\n').filter((path) => path.includes('node_modules'));
}

/** Installs the same for the guest's architecture: some have compiled parts. */
function installPackages(app: string): void {
  mkdirSync(app);
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(join(PROJECT, name), join(app, name));
  }
  const options = ['--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  const target = [`--cpu=${MACHINE.nodeArchitecture}`, '--os=linux', '--libc=glibc'];
  execFileSync('npm', ['ci', ...options, ...target], {
    cwd: app,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

function emptyTree(folder: string, name: string): string {
  const tree = join(folder, name);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  return tree;
}

/** A tree in the format that the kernel unpacks ("newc"). */
function cpio(tree: string): Buffer {
  const archive = `${tree}.cpio`;
  const pack = 'find . | "$1" cpio -o -H newc -R 0:0 >"$2"';
  execFileSync('sh', ['-c', pack, 'sh', join(ROOT, BUSYBOX), archive], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  return readFileSync(archive);
}
