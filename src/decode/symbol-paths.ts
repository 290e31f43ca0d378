// Finds the symbol files of a kernel in the directories of --symbols.path, by the names that distributions use.
// A name only says where to look: the decoder checks that a file belongs to the kernel.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FileError } from '../failure.ts';
import type { KernelName, SymbolFile } from '../vmcore/index.ts';
import { type FileSource, openFileSource } from './file-source.ts';

/** Returns relative paths at which the kernel's symbols may be; System.map first, because it is small. */
export function symbolFileNames({ release, buildId }: KernelName): string[] {
  const names = [
    `System.map-${release}`,
    `boot/System.map-${release}`,
    `usr/lib/debug/boot/System.map-${release}`,
    `${release}/System.map`,
    `vmlinux-${release}`,
    `${release}/vmlinux`,
    `boot/vmlinux-${release}`,
    `usr/lib/debug/boot/vmlinux-${release}`,
    `usr/lib/debug/lib/modules/${release}/vmlinux`,
    `lib/modules/${release}/vmlinux`,
    'System.map',
    'vmlinux',
  ];
  if (buildId === undefined) return names;
  const debugFile = `${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
  return [
    ...names,
    `.build-id/${debugFile}`,
    `usr/lib/debug/.build-id/${debugFile}`,
    `${buildId}.debug`,
  ];
}

/** Opens the symbol files that exist; `close` closes them all. */
export interface SymbolFiles {
  open(kernel: KernelName): SymbolFile[];
  close(): void;
}

/** @param directories directories to search; also accepts paths of symbol files. */
export function symbolFiles(directories: readonly string[]): SymbolFiles {
  const opened: FileSource[] = [];
  return {
    open(kernel): SymbolFile[] {
      // The release comes from a dump and must not lead out of the directory.
      if (kernel.release.includes('/') || kernel.release.includes('\0')) return [];
      const names = symbolFileNames(kernel);
      const paths = directories.flatMap((directory) => [
        ...names.map((name) => join(directory, name)).filter((path) => existsSync(path)),
        directory,
      ]);
      return paths.flatMap((path) => {
        const source = openIfFile(path);
        if (source === undefined) return [];
        opened.push(source);
        return [{ name: path, source }];
      });
    },
    close(): void {
      for (const source of opened.splice(0)) source.close();
    },
  };
}

/** Undefined for directories and unreadable files. */
function openIfFile(path: string): FileSource | undefined {
  try {
    return openFileSource(path, undefined);
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}
