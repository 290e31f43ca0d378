import { describe, expect, it } from 'vitest';

import { layoutOf, readCategories } from '../../../src/vmcore/hwerr/hwerr.ts';
import { builtinLayout } from '../../../src/vmcore/hwerr/layout.ts';
import type { LocatedArray } from '../../../src/vmcore/hwerr/locate.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import type { HwerrCategory } from '../../../src/vmcore/report.ts';
import { hwerrTypes } from '../../support/builders/btf-builder.ts';
import {
  type BuiltKernel,
  type Counter,
  type KernelRecipe,
  kernel,
} from '../../support/builders/kernel-builder.ts';
import { MACHINE_NAMES } from '../../support/builders/fake-machines.ts';
import { memoryOf, openedKernel } from '../../support/builders/memory-dump.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const NONE: Counter = [0, 0];

interface ReadOptions {
  readonly askBtf?: boolean;
  readonly size?: bigint | null;
}

function read(
  recipe: KernelRecipe = {},
  { askBtf = false, size }: ReadOptions = {},
): { categories: HwerrCategory[]; source: string; warnings: string[] } {
  const { kernel: opened, kallsyms } = openedKernel(kernel({ fillers: 20, ...recipe }));
  const found = kallsyms.find('hwerr_data')!;
  const array: LocatedArray = {
    address: found.address,
    size: size === undefined ? found.size : (size ?? undefined),
    source: 'kallsyms',
  };
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const layout = layoutOf(opened, array, kallsyms, { limits: DEFAULT_LIMITS, askBtf, warn });
  return {
    categories: readCategories(opened, array, layout, warn),
    source: layout.source,
    warnings,
  };
}

/** The first category, its counters the others'. */
function readCpu(counter: Counter): { cpu: unknown; warnings: string[] } {
  const { categories, warnings } = read({ counters: [counter, NONE, NONE, NONE, NONE] });
  return { cpu: categories[0], warnings };
}

describe('readCategories', () => {
  it.each(MACHINE_NAMES)('gives the five counters of %s in their order', (machine) => {
    expect(read({ machine })).toEqual({
      categories: [
        { category: 'cpu', count: 1, lastErrorTimestampSeconds: 1_790_000_001 },
        { category: 'memory', count: 0, lastErrorTimestampSeconds: null },
        { category: 'pci', count: 3, lastErrorTimestampSeconds: 1_790_000_003 },
        { category: 'cxl', count: 0, lastErrorTimestampSeconds: null },
        { category: 'others', count: 5, lastErrorTimestampSeconds: 1_790_000_005 },
      ],
      source: 'builtin',
      warnings: [],
    });
  });

  it.each([
    ['the largest signed count', [0x7fffffff, 1], 0x7fffffff, 1],
    ['a count that wrapped to negative, as unsigned', [0x80000000, 1], 0x80000000, 1],
    ['the largest count', [0xffffffff, 1], 0xffffffff, 1],
    ['a time past 2038', [1, 2 ** 31], 1, 2 ** 31],
    ['a time past 2106', [1, 2 ** 32 + 5], 1, 2 ** 32 + 5],
    ['the last time of a kernel clock', [1, 9_223_372_036], 1, 9_223_372_036],
  ] as const)('reads %s', (_, counter, count, lastErrorTimestampSeconds) => {
    const { cpu, warnings } = readCpu(counter);
    expect(cpu).toEqual({ category: 'cpu', count, lastErrorTimestampSeconds });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['there is a count and no time', [2, 0], null, 'the crash came between'],
    ['there is a time and no count', [0, 5], 5, 'the crash came between'],
  ] as const)('warns when %s', (_, counter, time, warning) => {
    const { cpu, warnings } = readCpu(counter);
    expect(cpu).toMatchObject({ count: counter[0], lastErrorTimestampSeconds: time });
    expect(warnings).toEqual([expect.stringMatching(`^cpu: .*${warning}`)]);
  });

  it.each([
    ['negative', -1],
    ['past what a kernel clock can show', 9_223_372_037],
    ['what makedumpfile erases with', 0x58585858585858],
  ])('throws Corrupt when a time is %s: no answer is better than a wrong one', (_, time) => {
    const error = thrownBy(() => readCpu([2, time]));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.message).toContain(`got time ${time}`);
  });

  it.each(['page_excluded', 'page_lost'] as const)(
    'throws PageMissing when its page is %s',
    (reason) => {
      const built: BuiltKernel = kernel();
      const memory = memoryOf(built).drop(built.at('array'), reason);
      const { kernel: opened, kallsyms } = openedKernel(built, memory);
      const { address } = kallsyms.find('hwerr_data')!;
      const array: LocatedArray = { address, size: 80n, source: 'kallsyms' };
      const error = thrownBy(() =>
        readCategories(opened, array, builtinLayout(8), () => undefined),
      );
      expect(error).toMatchObject({ tag: 'PageMissing', reason });
    },
  );
});

const SIX = ['CPU', 'MEMORY', 'PCI', 'CXL', 'OTHERS', 'NPU_LINK'];
const SIX_COUNTERS: readonly Counter[] = [1, 2, 3, 4, 5, 6].map((n) => [n, 1_790_000_000 + n]);
/** A struct with a further member, the time first. */
const WIDE = { size: 24, members: { timestamp: 0, severity: 8, count: 16 } };

describe('layoutOf', () => {
  it('asks BTF when there is more size than the known array takes: a sixth category', () => {
    const { categories, source, warnings } = read({
      counters: SIX_COUNTERS,
      btf: { types: hwerrTypes(SIX) },
    });
    expect(categories).toHaveLength(6);
    expect(categories[5]).toEqual({
      category: 'npu_link',
      count: 6,
      lastErrorTimestampSeconds: 1_790_000_006,
    });
    expect({ source, warnings }).toEqual({
      source: 'btf',
      warnings: ['npu_link: not known here, counted as others in metrics'],
    });
  });

  it.each(['x86_64', 's390x', 'i386'] as const)('reads a changed struct of %s', (machine) => {
    const { categories, source } = read({
      machine,
      element: { stride: 24, count: 16, timestamp: 0 },
      btf: { types: hwerrTypes(undefined, WIDE) },
    });
    expect(categories.map(({ count }) => count)).toEqual([1, 0, 3, 0, 5]);
    expect(categories[4]).toMatchObject({ lastErrorTimestampSeconds: 1_790_000_005 });
    expect(source).toBe('btf');
  });

  it('does not ask BTF when the array fills its size', () => {
    const lying = { types: hwerrTypes(['X', 'Y', 'Z', 'V', 'W']) };
    expect(read({ btf: lying })).toMatchObject({ source: 'builtin', warnings: [] });
    expect(read({ btf: lying }).categories[0]?.category).toBe('cpu');
  });

  it('asks BTF when nothing says how much size there is', () => {
    const recipe = { counters: SIX_COUNTERS, btf: { types: hwerrTypes(SIX) } };
    const { categories, source } = read(recipe, { size: null });
    expect(categories.map(({ count }) => count)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(source).toBe('btf');
  });

  it('warns when nothing says how much size there is, and there is no BTF', () => {
    expect(read({}, { size: null })).toMatchObject({
      source: 'builtin',
      warnings: ['hwerr_data: symbol of unknown bytes, read the first 80; no BTF to ask'],
    });
  });

  it('asks BTF when it is told to', () => {
    const asked = read({ btf: { types: hwerrTypes() } }, { askBtf: true });
    expect(asked).toMatchObject({ source: 'btf', warnings: [] });
  });

  it('warns, and reads what is known, when there is more size and no BTF', () => {
    const { categories, source, warnings } = read({ arrayRoom: 96 });
    expect(categories).toHaveLength(5);
    expect(source).toBe('builtin');
    expect(warnings).toEqual(['hwerr_data: symbol of 96 bytes, read the first 80; no BTF to ask']);
  });

  it('warns when the BTF that it asks is broken', () => {
    const { source, warnings } = read({ arrayRoom: 96, btf: { types: [], magic: 0x1234 } });
    expect(source).toBe('builtin');
    expect(warnings[0]).toMatch(/^layout: btf header: magic /);
  });

  it('throws Corrupt when there is less size than the array needs', () => {
    const error = thrownBy(() => read({ arrayRoom: 60 }));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt', at: 'hwerr_data' });
  });

  it('throws Corrupt when there is less size than BTF says', () => {
    const error = thrownBy(() => read({ arrayRoom: 90, btf: { types: hwerrTypes(SIX) } }));
    expect(error.message).toBe('hwerr_data: got a symbol of 90 bytes, want 96');
  });
});
