import { describe, expect, it } from 'vitest';

import { Vmcoreinfo } from '../../../src/vmcore/container/vmcoreinfo.ts';
import type { SymbolFile } from '../../../src/vmcore/index.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { symbolFileSources } from '../../../src/vmcore/symbols/symbol-files.ts';
import { kernel } from '../../support/builders/kernel-builder.ts';
import {
  type LinkedSymbol,
  linkedSymbols,
  systemMapFile,
  systemMapText,
  vmlinuxSymbolFile,
} from '../../support/dumps/symbol-files.ts';

const BUILT = kernel({ fillers: 20 });
const INFO = new Vmcoreinfo(BUILT.vmcoreinfo);
/** How far KASLR moved it. */
const LINKED = 0x1a200000n;
const SYMBOLS = linkedSymbols(BUILT, LINKED);
const OTHER_ID = 'f'.repeat(40);
const ARRAY = BUILT.start + 0x30000n;

/** The address of the array by each file that is believed, and the warnings about the others. */
function read(files: readonly SymbolFile[], info = INFO): { found: unknown[]; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const sources = [...symbolFileSources(files, info, DEFAULT_LIMITS, warn)];
  return { found: sources.map((one) => [one.kind, one.find('hwerr_data')?.address]), warnings };
}

describe('symbolFileSources', () => {
  it.each([
    ['where it was linked', 0n],
    ['moved up by KASLR', 0x1a200000n],
    ['moved down', -0x400000n],
  ])('gives the symbols of a System.map of the kernel, %s', (_, shift) => {
    const text = systemMapText(linkedSymbols(BUILT, shift));
    expect(read([systemMapFile(text)])).toEqual({ found: [['system-map', ARRAY]], warnings: [] });
  });

  it('gives the symbols of a vmlinux with the build id', () => {
    expect(read([vmlinuxSymbolFile(BUILT)])).toEqual({ found: [['vmlinux', ARRAY]], warnings: [] });
  });

  const moved = SYMBOLS.map((one) =>
    one.name === 'init_uts_ns' ? { ...one, address: one.address + 64n } : one,
  );

  /** The one table more than _stext and init_uts_ns that BUILT and its VMCOREINFO have. */
  const table = (more: bigint): LinkedSymbol => ({
    name: 'kallsyms_offsets',
    address: INFO.symbol('kallsyms_offsets')! - LINKED + more,
  });

  it('gives the symbols of a System.map that agrees in a third symbol', () => {
    const text = systemMapText([...SYMBOLS, table(0n)]);
    expect(read([systemMapFile(text)])).toEqual({ found: [['system-map', ARRAY]], warnings: [] });
  });

  it.each([
    [
      'a System.map of another build with the same _stext and init_uts_ns',
      systemMapFile(systemMapText([...SYMBOLS, table(8n)]), 'it'),
    ],
    ['a vmlinux of another build id', vmlinuxSymbolFile(BUILT, { buildId: OTHER_ID }, 'it')],
    ['a vmlinux without a build id', vmlinuxSymbolFile(BUILT, { buildId: null }, 'it')],
    [
      'a System.map with another distance between two symbols',
      systemMapFile(systemMapText(moved), 'it'),
    ],
    ['a stub', systemMapFile('ffffffffffffffff B The real System.map is in -dbg\n', 'it')],
    ['an empty file', systemMapFile('', 'it')],
    [
      'a System.map with one of the two symbols',
      systemMapFile(systemMapText(SYMBOLS.filter(({ name }) => name !== '_stext')), 'it'),
    ],
  ])('believes no symbols of %s', (_, file) => {
    expect(read([file])).toEqual({ found: [], warnings: ['it: is not of this kernel'] });
  });

  it('believes no vmlinux where the dump has no build id', () => {
    const info = new Vmcoreinfo(INFO.text.replace(/BUILD-ID.*\n/, ''));
    expect(read([vmlinuxSymbolFile(BUILT, { buildId: null })], info).found).toEqual([]);
    expect(read([vmlinuxSymbolFile(BUILT)], info).found).toEqual([]);
  });

  it('says what is wrong with a broken file, and goes on', () => {
    const broken = systemMapFile('\x7fELF but no more', 'broken');
    const { found, warnings } = read([broken, systemMapFile(systemMapText(SYMBOLS))]);
    expect(found).toEqual([['system-map', ARRAY]]);
    expect(warnings).toEqual([expect.stringMatching(/^broken: /)]);
  });

  it('passes on what is no error of the file', () => {
    const source = {
      size: 10,
      contains: () => true,
      read: (): never => {
        throw new Error('EIO');
      },
    };
    expect(() => read([{ name: 'disk', source }])).toThrow('EIO');
  });
});
