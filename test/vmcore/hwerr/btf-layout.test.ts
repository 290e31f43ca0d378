import { describe, expect, it } from 'vitest';

import { btfLayout } from '../../../src/vmcore/hwerr/btf-layout.ts';
import type { HwerrLayout } from '../../../src/vmcore/hwerr/layout.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { type BtfType, hwerrTypes } from '../../support/builders/btf-builder.ts';
import { type KernelRecipe, kernel } from '../../support/builders/kernel-builder.ts';
import { memoryOf, openedKernel } from '../../support/builders/memory-dump.ts';
import { thrownBy } from '../../support/system/thrown.ts';

function layout(types: readonly BtfType[], recipe: KernelRecipe = {}): HwerrLayout | undefined {
  const built = kernel({ fillers: 20, btf: { types }, ...recipe });
  const { kernel: opened, kallsyms } = openedKernel(built);
  return btfLayout(opened.memory, kallsyms, DEFAULT_LIMITS);
}

const enumOf = (values: Readonly<Record<string, number>>): readonly BtfType[] => [
  ...hwerrTypes().filter(({ kind }) => kind !== 'enum'),
  { kind: 'enum', name: 'hwerr_error_type', values },
];

describe('btfLayout', () => {
  it.each(['x86_64', 's390x', 'arm32'] as const)('reads struct and enum of %s', (machine) => {
    expect(layout(hwerrTypes(), { machine })).toEqual({
      source: 'btf',
      stride: 16,
      countOffset: 0,
      timestampOffset: 8,
      categories: ['cpu', 'memory', 'pci', 'cxl', 'others'],
    });
  });

  it('takes the names of new categories from the kernel, in the order of their values', () => {
    const types = enumOf({
      HWERR_RECOV_OTHERS: 1,
      HWERR_RECOV_NPU_LINK: 0,
      HWERR_RECOV_MAX: 2,
    });
    expect(layout(types)?.categories).toEqual(['npu_link', 'others']);
  });

  it('numbers what has no name', () => {
    const types = enumOf({ HWERR_RECOV_CPU: 0, SOMETHING_ELSE: 1, HWERR_RECOV_MAX: 3 });
    expect(layout(types)?.categories).toEqual(['cpu', 'category_1', 'category_2']);
  });

  it.each([
    ['there is no __start_BTF', hwerrTypes(), {}, false],
    ['the struct has another name', hwerrTypes().filter(({ kind }) => kind !== 'struct'), {}, true],
    ['the enum has another name', hwerrTypes().filter(({ kind }) => kind !== 'enum'), {}, true],
  ] as const)('gives undefined when %s', (_, types, recipe, hasBtf) => {
    const more = hasBtf ? recipe : { ...recipe, btf: undefined };
    const built = kernel({
      fillers: 20,
      ...(hasBtf && { btf: { types } }),
      ...more,
    });
    const { kernel: opened, kallsyms } = openedKernel(built);
    expect(btfLayout(opened.memory, kallsyms, DEFAULT_LIMITS)).toBeUndefined();
  });

  const sized = (size: number, members: Readonly<Record<string, number>>) =>
    hwerrTypes(undefined, { size, members });

  it.each([
    ['count', sized(16, { timestamp: 8 })],
    ['timestamp', sized(16, { count: 0 })],
    ['room for the count', sized(16, { count: 13, timestamp: 0 })],
    ['room for the time', sized(12, { count: 0, timestamp: 8 })],
    ['count beside the time', sized(16, { count: 8, timestamp: 8 })],
    ['time beside the count', sized(16, { count: 4, timestamp: 0 })],
    ['count at a whole byte', sized(16, { count: 0.5, timestamp: 8 })],
    ['categories: no end', enumOf({ HWERR_RECOV_CPU: 0 })],
    ['categories: none', enumOf({ HWERR_RECOV_MAX: 0 })],
    ['categories: too many', enumOf({ HWERR_RECOV_MAX: 65 })],
    ['categories: a negative number', enumOf({ HWERR_RECOV_MAX: -1 })],
  ])('throws Corrupt when it has no %s', (_, types) => {
    expect(thrownBy(() => layout(types))).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
  });

  it('throws PageMissing when BTF is not in the dump', () => {
    const built = kernel({ fillers: 20, btf: { types: hwerrTypes() } });
    const { kernel: opened, kallsyms } = openedKernel(built, memoryOf(built).drop(built.at('btf')));
    const error = thrownBy(() => btfLayout(opened.memory, kallsyms, DEFAULT_LIMITS));
    expect(error.reason).toBe('page_excluded');
  });
});
