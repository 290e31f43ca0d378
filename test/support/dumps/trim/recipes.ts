// How every file of test/fixtures was made: from which dump, keeping what, as a stream or not.

import { isFlattened } from '../../../../src/vmcore/container/flattened.ts';
import { isElf } from '../../../../src/vmcore/elf/elf-header.ts';
import type { SymbolFile } from '../../../../src/vmcore/symbols/symbol-files.ts';
import { trimElf } from './elf.ts';
import { flattenElf, flattenKdump, unflatten } from './flattened.ts';
import { trimKdump } from './kdump.ts';
import { type Keep, neededPages } from './pages.ts';

export interface Recipe {
  /** Name in test/fixtures. */
  readonly file: string;
  /** Name in shared/vmcores, or the command that makes the dump. */
  readonly from: string;
  /** A file of symbols in shared/vmcores/symbols, for a kernel whose own table lacks the array. */
  readonly symbols?: string;
  /** Of the dumps of the lab: the kernel's release, and its format or what it died of. */
  readonly of?: string;
  readonly keep: Keep;
  readonly flattened: boolean;
}

export const RECIPES: readonly Recipe[] = [
  recipe('x86_64-7.3.4.zlib', 'x86_64-7.3.4-whole.zlib', 'tables'),
  recipe('x86_64-7.3.4.lzo', 'x86_64-7.3.4.lzo', 'touched'),
  recipe('x86_64-7.3.4.zstd', 'x86_64-7.3.4.zstd', 'tables'),
  recipe('x86_64-7.3.4.raw', 'x86_64-7.3.4.raw', 'touched'),
  recipe('x86_64-7.3.4.elf', 'x86_64-7.3.4.elf', 'touched'),
  recipe('x86_64-7.3.4.flat-lzo', 'x86_64-7.3.4-whole.flat-lzo', 'touched'),
  recipe('x86_64-7.3.4.flat-elf', 'x86_64-7.3.4.elf', 'touched'),
  recipe('x86_64-6.19.10-no-note.flat-zlib', 'x86_64-6.19.10-no-note.flat-zlib', 'tables'),
  recipe('x86_64-6.18.12-no-hwerr.flat-zlib', 'x86_64-6.18.12-no-hwerr.flat-zlib', 'tables'),
  recipe('arm64-7.3.4.elf', 'arm64-7.3.4.elf', 'touched'),
  recipe('arm64-7.3.4.flat-zlib', 'arm64-7.3.4.flat-zlib', 'tables'),
  recipe('x86_64-7.3.4-log.zlib', 'x86_64-7.3.4-whole.zlib', 'log'),
  recipe('riscv64-7.2.13.elf', 'riscv64-7.2.13.elf', 'touched'),
  recipe('ppc64le-7.2.13.elf', 'ppc64le-7.2.13.elf', 'touched'),
  recipe('s390x-7.2.13.elf', 's390x-7.2.13.elf', 'touched'),
  {
    ...recipe('loongarch64-7.2.13.elf', 'loongarch64-7.2.13.elf', 'touched'),
    symbols: 'System.map-7.2.13+deb14-loong64',
  },
  {
    ...recipe('arm32-7.2.13.elf', 'arm32-7.2.13.elf', 'touched'),
    symbols: 'System.map-7.2.13+deb14-armmp-lpae',
  },
];

/** Of dumps that the lab makes anew each time, with other contents. */
export const LAB_RECIPES: readonly Recipe[] = [
  ofLab('x86_64-5.10.0.zlib', '5.10.0-32-amd64 zlib', 'whole-log'),
  ofLab('x86_64-6.12.117.zlib', '6.12.117+deb13-amd64 zlib', 'whole-log'),
  ofLab('x86_64-6.19.14.lzo', '6.19.14+deb13-amd64 lzo', 'touched'),
  ofLab('x86_64-7.0.13.zlib', '7.0.13+deb13-amd64 zlib', 'touched'),
  ofLab('x86_64-7.1.13.zstd', '7.1.13+deb13-amd64 zstd', 'touched'),
  ofLab('x86_64-7.2.13.elf', '7.2.13+deb14-amd64 elf', 'touched'),
  ofLab('x86_64-7.3.4-errors.zlib', '7.3.4+deb13-amd64 zlib', 'whole-log'),
  ofLab('x86_64-7.3.4-machine-check.zlib', '7.3.4+deb13-amd64 fatal machine check', 'whole-log'),
  ofLab('x86_64-7.3.4-rt.zlib', '7.3.4+deb13-rt-amd64 zlib', 'whole-log'),
  ofLab('x86_64-7.3-rc7.zlib', '7.3-amd64 zlib', 'whole-log'),
  ofLab('arm64-6.1.176-fatal.elf', '6.1.0-50-arm64 fatal memory and others record', 'whole-log'),
  ofLab('arm64-7.2.13.elf', '7.2.13+deb14-arm64 copy', 'log'),
  ofLab('arm64-7.3.4-errors.elf', '7.3.4+deb13-arm64 copy', 'whole-log'),
  ofLab('i386-7.2.13.elf', '7.2.13-lab-686 copy', 'whole-log'),
  ofLab('i386-7.2.13.zlib', '7.2.13-lab-686 zlib', 'whole-log'),
  ofLab('i386-7.2.13-pae.elf', '7.2.13-lab-686-pae copy', 'whole-log'),
  ofLab('i386-7.2.13-pae.zlib', '7.2.13-lab-686-pae zlib', 'whole-log'),
  ofHypervisor('riscv64-7.2.13-errors.zlib', '7.2.13+deb14-riscv64 kdump-raw-zlib'),
  ofHypervisor('ppc64le-7.2.13-log.zlib', '7.2.13+deb14-powerpc64le kdump-raw-zlib'),
  ofHypervisor('s390x-7.2.13-log.zlib', '7.2.13+deb14-s390x kdump-raw-zlib'),
];

/** The files of symbols that lie beside the fixtures, as they lie beside the shared dumps. */
export const SYMBOL_FILES: readonly string[] = RECIPES.flatMap(({ symbols }) => symbols ?? []);

function recipe(file: string, from: string, keep: Keep): Recipe {
  return { file, from, keep, flattened: file.includes('.flat-') };
}

function ofLab(file: string, of: string, keep: Keep): Recipe {
  return { ...recipe(file, 'npm run lab:matrix', keep), of };
}

function ofHypervisor(file: string, of: string): Recipe {
  return { ...recipe(file, 'npm run lab:hypervisor', 'whole-log'), of };
}

/** The fixture that `recipe` makes of the bytes of its shared dump. */
export function make(
  { keep, flattened }: Recipe,
  dump: Uint8Array,
  symbols: readonly SymbolFile[] = [],
): Uint8Array {
  const plain = isFlattened(dump) ? unflatten(dump) : dump;
  const pages = neededPages(plain, keep, symbols);
  if (isElf(plain)) {
    const trimmed = trimElf(plain, pages);
    return flattened ? flattenElf(trimmed) : trimmed;
  }
  const trimmed = trimKdump(plain, pages);
  return flattened ? flattenKdump(trimmed) : trimmed;
}
