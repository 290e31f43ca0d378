// How every file of test/fixtures was made: from which shared dump, keeping what, as a stream or not.

import { isFlattened } from '../../../src/vmcore/container/flattened.ts';
import { isElf } from '../../../src/vmcore/container/elf-header.ts';
import { trimElf } from './elf.ts';
import { flattenElf, flattenKdump, unflatten } from './flattened.ts';
import { trimKdump } from './kdump.ts';
import { type Keep, neededPages } from './pages.ts';

export interface Recipe {
  /** Name in test/fixtures. */
  readonly file: string;
  /** Name in shared/vmcores. */
  readonly from: string;
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
];

function recipe(file: string, from: string, keep: Keep): Recipe {
  return { file, from, keep, flattened: file.includes('.flat-') };
}

/** The fixture that `recipe` makes of the bytes of its shared dump. */
export function make({ keep, flattened }: Recipe, dump: Uint8Array): Uint8Array {
  const plain = isFlattened(dump) ? unflatten(dump) : dump;
  const pages = neededPages(plain, keep);
  if (isElf(plain)) {
    const trimmed = trimElf(plain, pages);
    return flattened ? flattenElf(trimmed) : trimmed;
  }
  const trimmed = trimKdump(plain, pages);
  return flattened ? flattenKdump(trimmed) : trimmed;
}
