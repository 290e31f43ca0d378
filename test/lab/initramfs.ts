// The guest's file systems: busybox, the modules that reach the host's folders, the init script; and
// for the kernel that will crash also Node with the exporter.

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
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type LabKernel, ROOT } from './lab-root.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const BUSYBOX = join(ROOT, 'usr/bin/busybox');
const FOLDERS = ['bin', 'dev', 'lib/modules', 'proc', 'root', 'share', 'sys', 'tmp'];
const MODULES = [
  'fs/netfs/netfs',
  'net/9p/9pnet',
  'net/9p/9pnet_virtio',
  'fs/9p/9p',
  'drivers/net/ethernet/intel/e1000e/e1000e',
  'drivers/pci/pcie/aer_inject',
];
const NODE_LIBRARIES = [
  ...['libstdc++.so.6', 'libgcc_s.so.1', 'libc.so.6', 'libm.so.6'],
  ...['libdl.so.2', 'libpthread.so.0'],
];

/** What both kernels boot, as a cpio archive. @param folder to build it in. */
export function initramfs({ modules }: LabKernel, folder: string): Buffer {
  const tree = emptyTree(folder, 'base');
  for (const path of FOLDERS) mkdirSync(join(tree, path), { recursive: true });
  copyFileSync(BUSYBOX, join(tree, 'bin/busybox'));
  symlinkSync('busybox', join(tree, 'bin/sh'));
  copyFileSync(fileURLToPath(new URL('init.sh', import.meta.url)), join(tree, 'init'));
  chmodSync(join(tree, 'init'), 0o755);
  for (const module of MODULES) {
    const packed = join(modules, 'kernel', `${module}.ko.xz`);
    if (!existsSync(packed)) continue;
    const bytes = execFileSync(BUSYBOX, ['unxz', '-c', packed], { maxBuffer: 2 ** 28 });
    writeFileSync(join(tree, 'lib/modules', `${basename(module)}.ko`), bytes);
  }
  return cpio(tree);
}

/** Node and the built exporter, to be appended to that. */
export function exporterArchive(folder: string): Buffer {
  const tree = emptyTree(folder, 'app');
  const libraries = join(tree, 'lib/x86_64-linux-gnu');
  for (const path of [join(tree, 'lib64'), join(tree, 'node'), libraries]) {
    mkdirSync(path, { recursive: true });
  }
  copyFileSync(process.execPath, join(tree, 'node/node'));
  const from = join(ROOT, 'usr/lib/x86_64-linux-gnu');
  copyFileSync(join(from, 'ld-linux-x86-64.so.2'), join(tree, 'lib64/ld-linux-x86-64.so.2'));
  for (const library of NODE_LIBRARIES) copyFileSync(join(from, library), join(libraries, library));
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable', '--silent'], {
    cwd: PROJECT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packages = listed.split('\n').filter((path) => path.includes('node_modules'));
  for (const path of [...packages, join(PROJECT, 'dist'), join(PROJECT, 'package.json')]) {
    const target = join(tree, 'app', relative(PROJECT, path));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target, { recursive: true, filter: (file) => !/\.(map|d\.ts|md)$/.test(file) });
  }
  return cpio(tree);
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
  execFileSync('sh', ['-c', pack, 'sh', BUSYBOX, archive], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  return readFileSync(archive);
}
