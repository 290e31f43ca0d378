import { describe, expect, it } from 'vitest';

import { type Location, locateArray } from '../../../src/vmcore/hwerr/locate.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import type { SymbolFile } from '../../../src/vmcore/index.ts';
import { symbolFileSources } from '../../../src/vmcore/symbols/symbol-files.ts';
import { arm64Code, x86Code } from '../../support/builders/machine-code.ts';
import { type KernelRecipe, kernel } from '../../support/builders/kernel-builder.ts';
import { memoryOf, openedKernel } from '../../support/builders/memory-dump.ts';
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

function locate(
  recipe: KernelRecipe,
  files: readonly SymbolFile[] = [],
  missingText = false,
): Found {
  const built = kernel({ fillers: 20, ...recipe });
  const memory = memoryOf(built);
  const { kernel: opened, kallsyms } = openedKernel(built, memory);
  if (missingText) memory.drop(built.at('text'));
  const sources = symbolFileSources(files, opened.vmcoreinfo, DEFAULT_LIMITS, () => undefined);
  const location = locateArray(opened, kallsyms, sources);
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

  it.each([
    ['x86_64', { code: x86Code }],
    ['arm64', { code: arm64Code }],
    ['arm64', { code: (a: bigint, s: bigint) => arm64Code(a, s, { atomic: 'ldxr' }) }],
  ] as const)('finds it in the code of %s', (machine, { code }) => {
    const { location, offset } = locate({ ...BARE, machine, code });
    expect(location).toMatchObject({ kind: 'found', array: { source: 'disassembly' } });
    expect(offset).toBe(ARRAY_OFFSET);
  });

  it('believes a file before the code', () => {
    const { location } = locate({ ...BARE, code: x86Code }, [MAP]);
    expect(location).toMatchObject({ array: { source: 'system-map' } });
  });

  it.each([
    [
      'the code is of another shape',
      { ...BARE, code: () => new Uint8Array(200).fill(0x90) },
      false,
    ],
    ['the page of the code is missing', { ...BARE, code: x86Code }, true],
    ['the machine is one whose code is not known', { ...BARE, machine: 'riscv64' }, false],
  ] as const)('is symbol_not_found when %s', (_, recipe, missingText) => {
    expect(locate(recipe, [], missingText).location).toEqual({ kind: 'symbol_not_found' });
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
