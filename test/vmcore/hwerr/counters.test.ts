import { describe, expect, it } from 'vitest';

import {
  type CrashReport,
  type DecodeOptions,
  bytesSource,
  decodeVmcore,
} from '../../../src/vmcore/index.ts';
import type { KernelName } from '../../../src/vmcore/index.ts';
import {
  BOOT_ID_TEXT,
  BUILD_ID,
  type KernelRecipe,
  RELEASE,
  kdumpOf,
  kernel,
} from '../../support/builders/kernel-builder.ts';
import { hwerrTypes } from '../../support/builders/btf-builder.ts';
import {
  linkedSymbols,
  systemMapFile,
  systemMapText,
  vmlinuxSymbolFile,
} from '../../support/dumps/symbol-files.ts';

const BARE: KernelRecipe = { fillers: 300, arrayName: null, bootIdName: null };
const BUILT = kernel({ ...BARE, bootIdName: 'sysctl_bootid' });
const MAP = systemMapFile(systemMapText(linkedSymbols(BUILT)));

interface Options extends DecodeOptions {
  readonly excluded?: readonly ('utsname' | 'kallsyms' | 'bootId' | 'array')[];
}

function decode(recipe: KernelRecipe, { excluded = [], ...options }: Options = {}): CrashReport {
  return decodeVmcore(bytesSource(kdumpOf(kernel(recipe), { excluded }).bytes), options);
}

describe('readCounters of a kernel that does not say where its kallsyms are', () => {
  const without = (keys: RegExp, release: string): KernelRecipe => ({
    ...{ ...BARE, release },
    editVmcoreinfo: (text) => text.replace(keys, ''),
  });
  const ALL = /^SYMBOL\(kallsyms_.*\n/gm;

  it('has no counters where the release is from before them', () => {
    for (const release of ['4.18.0-553.el8_10.x86_64', '5.10.0-32-amd64']) {
      expect(decode(without(ALL, release))).toMatchObject({
        hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' },
        warnings: [],
      });
    }
  });

  it.each([
    ['of a release that should have them', ALL, '6.19.10-amd64'],
    ['of which one table has its place', /^SYMBOL\(kallsyms_(names|num).*\n/gm, '5.10.0-32-amd64'],
  ])('is not known where it is one %s', (_, keys, release) => {
    expect(decode(without(keys, release)).hwerr).toMatchObject({
      kind: 'unreadable',
      reason: 'no_kallsyms',
    });
  });

  it('has those that a file of symbols knows: they may have been given to an old kernel', () => {
    const recipe = without(ALL, '5.14.0-611.el9.x86_64');
    const map = systemMapFile(systemMapText(linkedSymbols(kernel(recipe))));
    expect(decode(recipe, { symbolFiles: () => [map] })).toMatchObject({
      symbolSource: 'system-map',
      hwerr: { kind: 'present' },
    });
  });
});

describe('readCounters with symbol files', () => {
  it('gives counters and boot id by a System.map when kallsyms has no data symbols', () => {
    expect(decode(BARE, { symbolFiles: () => [MAP] })).toMatchObject({
      symbolSource: 'system-map',
      bootId: BOOT_ID_TEXT,
      hwerr: { kind: 'present' },
      warnings: [],
    });
  });

  it('asks for the symbols of the kernel, and only when they are needed', () => {
    const asked: KernelName[] = [];
    const symbolFiles = (name: KernelName): [] => (asked.push(name), []);
    expect(decode({ fillers: 300 }, { symbolFiles }).symbolSource).toBe('kallsyms');
    expect(asked).toEqual([]);
    decode(BARE, { symbolFiles });
    expect(asked).toEqual([{ release: RELEASE, buildId: BUILD_ID }]);
  });

  it('passes a stub over, and takes the next file', () => {
    const stub = systemMapFile(
      'ffffffffffffffff B The real System.map is in the -dbg package\n',
      'stub',
    );
    const vmlinux = vmlinuxSymbolFile(BUILT);
    expect(decode(BARE, { symbolFiles: () => [stub, vmlinux] })).toMatchObject({
      symbolSource: 'vmlinux',
      warnings: ['stub: is not of this kernel'],
    });
  });

  it('gives counters by a file when the pages of kallsyms are not in the dump', () => {
    expect(
      decode({ fillers: 300 }, { excluded: ['kallsyms'], symbolFiles: () => [MAP] }),
    ).toMatchObject({
      symbolSource: 'system-map',
      hwerr: { kind: 'present' },
      bootId: BOOT_ID_TEXT,
    });
  });

  it('believes no file where neither utsname nor kallsyms proves the kernel', () => {
    const report = decode(
      { fillers: 300 },
      { excluded: ['kallsyms', 'utsname'], symbolFiles: () => [MAP] },
    );
    expect(report.hwerr).toEqual({ kind: 'absent', reason: 'page_excluded' });
  });

  it('says what is wrong with kallsyms when no file helps', () => {
    const editVmcoreinfo = (text: string): string => text.replace(/SYMBOL\(kallsyms_names.*\n/, '');
    const recipe = { fillers: 300, editVmcoreinfo };
    expect(decode(recipe).hwerr).toMatchObject({ kind: 'unreadable', reason: 'no_kallsyms' });
    expect(decode(recipe, { symbolFiles: () => [MAP] }).symbolSource).toBe('system-map');
  });

  it('asks the BTF of the dump for what a file locates', () => {
    const recipe = { ...BARE, btf: { types: hwerrTypes() } };
    const report = decode(recipe, { symbolFiles: () => [MAP], askBtf: true });
    expect(report).toMatchObject({ symbolSource: 'system-map', layoutSource: 'btf', warnings: [] });
  });
});

describe('readCounters', () => {
  it('shows a sixth category under its own name', () => {
    const six = ['CPU', 'MEMORY', 'PCI', 'CXL', 'OTHERS', 'NPU_LINK'];
    const counters = six.map((_, i) => [i + 1, 1_790_000_000 + i] as const);
    const { hwerr } = decode({ fillers: 300, counters, btf: { types: hwerrTypes(six) } });
    expect(hwerr.kind === 'present' && hwerr.categories.at(-1)).toEqual({
      category: 'npu_link',
      count: 6,
      lastErrorTimestampSeconds: 1_790_000_005,
    });
  });

  it('gives the counters when the boot id is not there', () => {
    const report = decode({ fillers: 300 }, { excluded: ['bootId'] });
    expect(report).toMatchObject({ bootId: null, hwerr: { kind: 'present' } });
    expect(report.warnings).toEqual([expect.stringMatching(/^boot id: /)]);
  });

  it('gives the boot id when the counters are not there', () => {
    const report = decode({ fillers: 300 }, { excluded: ['array'] });
    expect(report).toMatchObject({ bootId: BOOT_ID_TEXT, symbolSource: null, layoutSource: null });
  });
});
