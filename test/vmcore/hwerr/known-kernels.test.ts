import { describe, expect, it } from 'vitest';

import { KnownKernels } from '../../../src/vmcore/hwerr/known-kernels.ts';
import { type CrashReport, bytesSource, decodeVmcore } from '../../../src/vmcore/index.ts';
import { hwerrTypes } from '../../support/builders/btf-builder.ts';
import {
  BUILD_ID,
  type Counter,
  type KernelRecipe,
  kdumpOf,
  kernel,
} from '../../support/builders/kernel-builder.ts';

const LATER: readonly Counter[] = [1, 2, 3, 4, 5].map((n) => [n + 10, 1_790_000_100 + n]);

function decode(known: KnownKernels, recipe: KernelRecipe = {}, askBtf = false): CrashReport {
  const { bytes } = kdumpOf(kernel(recipe));
  return decodeVmcore(bytesSource(bytes), { knownKernels: known, askBtf });
}

function counts({ hwerr }: CrashReport): unknown {
  return hwerr.kind === 'present' ? hwerr.categories.map(({ count }) => count) : hwerr;
}

describe('KnownKernels', () => {
  it('lets the second crash of a kernel touch 4 pages at most, wherever KASLR put it', () => {
    const known = new KnownKernels();
    const first = decode(known);
    const second = decode(known, { physical: 0x7000000n, counters: LATER });
    expect(first.debug.pages).toBeGreaterThan(second.debug.pages);
    expect(second.debug.pages).toBeLessThanOrEqual(4);
    expect(counts(second)).toEqual([11, 12, 13, 14, 15]);
    expect(second).toMatchObject({
      symbolSource: 'kallsyms',
      layoutSource: 'builtin',
      bootId: first.bootId,
      nodename: first.nodename,
    });
  });

  it('remembers the layout of BTF too', () => {
    const known = new KnownKernels();
    const six = ['CPU', 'MEMORY', 'PCI', 'CXL', 'OTHERS', 'NPU'];
    const recipe: KernelRecipe = { counters: [...LATER, [6, 7]], btf: { types: hwerrTypes(six) } };
    decode(known, recipe);
    const again = decode(known, recipe);
    expect(again.debug.pages).toBeLessThanOrEqual(4);
    expect(again.layoutSource).toBe('btf');
    expect(counts(again)).toEqual([11, 12, 13, 14, 15, 6]);
  });

  it.each([
    [
      'another build id',
      { editVmcoreinfo: (text: string) => text.replace(BUILD_ID, BUILD_ID.replace('0', 'f')) },
    ],
    ['its tables elsewhere', { fillers: 900 }],
  ])('is not confused by a kernel of the same release with %s', (_, recipe) => {
    const known = new KnownKernels();
    decode(known, { arrayName: 'hwerr_data' });
    const report = decode(known, { ...recipe, counters: LATER });
    expect(report.debug.pages).toBeGreaterThan(4);
    expect(counts(report)).toEqual([11, 12, 13, 14, 15]);
  });

  it('does not remember a kernel without a build id', () => {
    const known = new KnownKernels();
    const recipe = { editVmcoreinfo: (text: string) => text.replace(/BUILD-ID.*\n/, '') };
    const pages = [decode(known, recipe), decode(known, recipe)].map(({ debug }) => debug.pages);
    expect(pages[1]).toBe(pages[0]);
  });

  it('is not believed where the utsname is missing: nothing has proven the kernel', () => {
    const known = new KnownKernels();
    decode(known);
    const { bytes } = kdumpOf(kernel(), { excluded: ['utsname'] });
    const report = decodeVmcore(bytesSource(bytes), { knownKernels: known });
    expect(report.debug.pages).toBeGreaterThan(4);
    expect(report).toMatchObject({ nodename: null, hwerr: { kind: 'present' } });
  });

  describe('of a kernel without the array', () => {
    const without: KernelRecipe = { arrayName: null, logFunction: false };
    const absent = { kind: 'absent', reason: 'kernel_without_hwerr' };

    it('lets the second crash touch 3 pages at most, wherever KASLR put it', () => {
      const known = new KnownKernels();
      const first = decode(known, without);
      const second = decode(known, { ...without, physical: 0x7000000n });
      expect(first.debug.pages).toBeGreaterThan(3);
      expect(second.debug.pages).toBeLessThanOrEqual(3);
      expect(second).toMatchObject({ hwerr: absent, symbolSource: null, bootId: first.bootId });
    });

    it.each([
      ['another build id', BUILD_ID.replace('0', 'f'), {}],
      ['its tables elsewhere', BUILD_ID, { fillers: 900 }],
    ])('does not tell the same of one of the same release with %s', (_, id, recipe) => {
      const known = new KnownKernels();
      expect(decode(known, without).hwerr).toEqual(absent);
      const editVmcoreinfo = (text: string): string => text.replace(BUILD_ID, id);
      const report = decode(known, { ...recipe, editVmcoreinfo, counters: LATER });
      expect(counts(report)).toEqual([11, 12, 13, 14, 15]);
    });

    it('does not remember one that its utsname has not proven', () => {
      const known = new KnownKernels();
      const { bytes } = kdumpOf(kernel(without), { excluded: ['utsname'] });
      expect(decodeVmcore(bytesSource(bytes), { knownKernels: known }).hwerr).toEqual(absent);
      expect(decode(known, without).debug.pages).toBeGreaterThan(3);
    });

    it('does not remember one that keeps the array where its symbols do not say', () => {
      const known = new KnownKernels();
      const hidden: KernelRecipe = { arrayName: null };
      expect(decode(known, hidden).hwerr).toEqual({ kind: 'absent', reason: 'symbol_not_found' });
      expect(decode(known, hidden).debug.pages).toBeGreaterThan(3);
    });
  });

  it('is not asked when BTF is', () => {
    const known = new KnownKernels();
    const recipe = { btf: { types: hwerrTypes() } };
    expect(decode(known, recipe).layoutSource).toBe('builtin');
    expect(decode(known, recipe, true).layoutSource).toBe('btf');
  });

  it('learns nothing of a kernel whose array could not be read', () => {
    const known = new KnownKernels();
    const { bytes } = kdumpOf(kernel(), { excluded: ['array'] });
    decodeVmcore(bytesSource(bytes), { knownKernels: known });
    expect(decode(known).debug.pages).toBeGreaterThan(4);
  });

  it('says page_excluded when the page of a known array is not in the dump', () => {
    const known = new KnownKernels();
    decode(known);
    const { bytes } = kdumpOf(kernel(), { excluded: ['array'] });
    const report = decodeVmcore(bytesSource(bytes), { knownKernels: known });
    expect(report.hwerr).toEqual({ kind: 'absent', reason: 'page_excluded' });
  });

  it('forgets the kernel it learned first when there are more than 64', () => {
    const known = new KnownKernels();
    const ids = Array.from({ length: 65 }, (_, i) => i.toString(16).padStart(40, '0'));
    const recipeOf = (id: string): KernelRecipe => ({
      fillers: 300,
      editVmcoreinfo: (text) => text.replace(BUILD_ID, id),
    });
    for (const id of ids) decode(known, recipeOf(id));
    expect(decode(known, recipeOf(ids[64]!)).debug.pages).toBeLessThanOrEqual(4);
    expect(decode(known, recipeOf(ids[0]!)).debug.pages).toBeGreaterThan(4);
  });
});
