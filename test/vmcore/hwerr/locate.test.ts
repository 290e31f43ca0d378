import { describe, expect, it } from 'vitest';

import { type Location, locateArray } from '../../../src/vmcore/hwerr/locate.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import type { SymbolFile } from '../../../src/vmcore/index.ts';
import type { VmcoreError } from '../../../src/vmcore/errors.ts';
import { Kallsyms } from '../../../src/vmcore/symbols/kallsyms.ts';
import { symbolFileSources } from '../../../src/vmcore/symbols/symbol-files.ts';
import { type KernelRecipe, RELEASE, kernel } from '../../support/builders/kernel-builder.ts';
import { memoryOf, openedKernel } from '../../support/builders/memory-dump.ts';
import {
  linkedSymbols,
  systemMapFile,
  systemMapText,
  vmlinuxSymbolFile,
} from '../../support/dumps/symbol-files.ts';
import { thrownBy } from '../../support/system/thrown.ts';

interface Found {
  readonly location: Location;
  /** The array, from the start of the image. */
  readonly offset: bigint | undefined;
  readonly warnings: readonly string[];
}

function locate(recipe: KernelRecipe, files: readonly SymbolFile[] = []): Found {
  const built = kernel({ fillers: 20, ...recipe });
  const { kernel: opened, kallsyms } = openedKernel(built);
  const sources = symbolFileSources(files, opened.vmcoreinfo, DEFAULT_LIMITS, () => undefined);
  const warnings: string[] = [];
  const location = locateArray(kallsyms, sources, opened.vmcoreinfo.osRelease, (warning) =>
    warnings.push(warning),
  );
  const offset = location.kind === 'found' ? location.array.address - built.start : undefined;
  return { location, offset, warnings };
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
    expect(location).toMatchObject({ kind: 'found', array: { source: 'kallsyms', size: 80n } });
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
    expect(location).toMatchObject({ kind: 'found', array: { source, size: 80n } });
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

  describe('when neither array nor function is there', () => {
    const NEITHER = { ...BARE, logFunction: false } as const;

    it('is kernel_without_hwerr, whatever files say', () => {
      const old = { ...NEITHER, release: '6.18.12' };
      expect(locate(old, [MAP])).toMatchObject({
        location: { kind: 'kernel_without_hwerr' },
        warnings: [],
      });
    });

    it.each(['6.19.0-rc1', '7.3.4-test', 'mainline'])(
      'warns of a kernel of a release that should count: %s',
      (release) => {
        expect(locate({ ...NEITHER, release })).toMatchObject({
          location: { kind: 'kernel_without_hwerr' },
          warnings: [`kallsyms: got no hwerr_data, which ${release} should have`],
        });
      },
    );

    /** One bit of the token that `hwerr` begins with, so that every name with it reads otherwise. */
    it.each([0, 1, 2, 3, 4, 5, 6, 7])(
      'does not believe it where bit %i of a token of their names is flipped',
      (bit) => {
        expect(locateDamaged(bit)).toBe('no_kallsyms');
      },
    );
  });

  function locateDamaged(bit: number): string {
    const built = kernel({ fillers: 600, merges: 200 });
    const memory = memoryOf(built);
    const { kernel: opened } = openedKernel(built, memory);
    const table = built.physicalOf(built.kallsyms.labels['kallsyms_token_table']!);
    const text = Buffer.from(memory.read(table, 2048)).toString('latin1');
    const at = table + BigInt(text.indexOf('hwe'));
    const [byte = 0] = memory.read(at, 1);
    memory.write(at, Uint8Array.of(byte ^ (1 << bit)));
    try {
      const kallsyms = Kallsyms.open(opened.vmcoreinfo, opened.memory, DEFAULT_LIMITS);
      return locateArray(kallsyms, [], RELEASE, () => undefined).kind;
    } catch (error) {
      return (error as VmcoreError).reason;
    }
  }

  it('refuses a name that two symbols have', () => {
    const twice = kernel({ fillers: 20, bootIdName: 'hwerr_data' });
    const { kallsyms, kernel: opened } = openedKernel(twice);
    const error = thrownBy(() =>
      locateArray(kallsyms, [], opened.vmcoreinfo.osRelease, () => undefined),
    );
    expect(error).toMatchObject({ reason: 'symbol_not_found' });
    expect(error.message).toBe('kallsyms: has several symbols hwerr_data');
  });

  it('finds the array when the function is not there', () => {
    expect(locate({ logFunction: false }).location.kind).toBe('found');
  });
});
