import { describe, expect, it } from 'vitest';

import { type Location, locateArray } from '../../../src/vmcore/hwerr/locate.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import type { SymbolFile } from '../../../src/vmcore/index.ts';
import { symbolFileSources } from '../../../src/vmcore/symbols/symbol-files.ts';
import { type KernelRecipe, kernel } from '../../support/builders/kernel-builder.ts';
import { openedKernel } from '../../support/builders/memory-dump.ts';
import {
  linkedSymbols,
  systemMapFile,
  systemMapText,
  vmlinuxSymbolFile,
} from '../../support/dumps/symbol-files.ts';

interface Found {
  readonly location: Location;
  /** The array, from the start of the image. */
  readonly offset: bigint | undefined;
}

function locate(recipe: KernelRecipe, files: readonly SymbolFile[] = []): Found {
  const built = kernel({ fillers: 20, ...recipe });
  const { kernel: opened, kallsyms } = openedKernel(built);
  const sources = symbolFileSources(files, opened.vmcoreinfo, DEFAULT_LIMITS, () => undefined);
  const location = locateArray(kallsyms, sources);
  const offset = location.kind === 'found' ? location.array.address - built.start : undefined;
  return { location, offset };
}

const BARE = { arrayName: null } as const;
const built = kernel({ fillers: 20, ...BARE });
const MAP = systemMapFile(systemMapText(linkedSymbols(built)));
const ARRAY_OFFSET = 0x30000n;

describe('locateArray', () => {
  it.each([
    'hwerr_data',
    'hwerr_data.llvm.1234567890',
    'hwerr_data.lto_priv.0',
    'hwerror_data', // as Documentation/driver-api/hw-recoverable-errors.rst has it
  ])('finds the array in kallsyms by the name %s', (arrayName) => {
    const { location, offset } = locate({ arrayName });
    expect(location).toMatchObject({ kind: 'found', array: { source: 'kallsyms', room: 80n } });
    expect(offset).toBe(ARRAY_OFFSET);
  });

  it('takes no other symbol that begins so', () => {
    expect(locate({ arrayName: 'hwerr_data_lock' }).location.kind).toBe('symbol_not_found');
  });

  it.each([
    ['system-map', MAP],
    ['vmlinux', vmlinuxSymbolFile(built)],
  ])('finds it in a file beside the dump: %s', (source, file) => {
    const { location, offset } = locate(BARE, [file]);
    expect(location).toMatchObject({ kind: 'found', array: { source, room: 80n } });
    expect(offset).toBe(ARRAY_OFFSET);
  });

  it('asks no file when kallsyms has it', () => {
    const files: Iterable<SymbolFile> = {
      [Symbol.iterator]: () => {
        throw new Error('asked');
      },
    };
    expect(locate({}, files as readonly SymbolFile[]).location.kind).toBe('found');
  });

  it('is symbol_not_found when kallsyms has the function alone, and no file has the array', () => {
    expect(locate(BARE).location).toEqual({ kind: 'symbol_not_found' });
  });

  it('is kernel_without_hwerr when neither array nor function is there, whatever files say', () => {
    expect(locate({ ...BARE, logFunction: false }, [MAP]).location).toEqual({
      kind: 'kernel_without_hwerr',
    });
  });

  it('finds the array when the function is not there', () => {
    expect(locate({ logFunction: false }).location.kind).toBe('found');
  });
});
