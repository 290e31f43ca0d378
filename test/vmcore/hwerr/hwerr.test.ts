import { describe, expect, it } from 'vitest';

import { readHwerr } from '../../../src/vmcore/hwerr/hwerr.ts';
import type { Hwerr } from '../../../src/vmcore/report.ts';
import { type Counter, type KernelRecipe, kernel } from '../../support/kernel-builder.ts';
import { memoryOf, openedKernel } from '../../support/memory-dump.ts';
import { thrownBy } from '../../support/thrown.ts';

const NONE: Counter = [0, 0];

function read(recipe: KernelRecipe = {}): { hwerr: Hwerr; warnings: string[] } {
  const { kernel: opened, kallsyms } = openedKernel(kernel({ fillers: 20, ...recipe }));
  const warnings: string[] = [];
  return { hwerr: readHwerr(opened, kallsyms, (text) => warnings.push(text)), warnings };
}

/** The first category, its counters the others'. */
function readCpu(counter: Counter): { cpu: unknown; warnings: string[] } {
  const { hwerr, warnings } = read({ counters: [counter, NONE, NONE, NONE, NONE] });
  return { cpu: hwerr.kind === 'present' ? hwerr.categories[0] : hwerr, warnings };
}

describe('readHwerr', () => {
  it.each(['x86_64', 'arm64'] as const)(
    'gives the five counters of %s in their order',
    (machine) => {
      expect(read({ machine })).toEqual({
        hwerr: {
          kind: 'present',
          categories: [
            { category: 'cpu', count: 1, lastErrorTimestampSeconds: 1_790_000_001 },
            { category: 'memory', count: 0, lastErrorTimestampSeconds: null },
            { category: 'pci', count: 3, lastErrorTimestampSeconds: 1_790_000_003 },
            { category: 'cxl', count: 0, lastErrorTimestampSeconds: null },
            { category: 'others', count: 5, lastErrorTimestampSeconds: 1_790_000_005 },
          ],
        },
        warnings: [],
      });
    },
  );

  it.each([
    ['the largest signed count', [0x7fffffff, 1], 0x7fffffff, 1],
    ['a count that wrapped to negative, as unsigned', [0x80000000, 1], 0x80000000, 1],
    ['the largest count', [0xffffffff, 1], 0xffffffff, 1],
    ['a time past 2038', [1, 2 ** 31], 1, 2 ** 31],
    ['a time past 2106', [1, 2 ** 32 + 5], 1, 2 ** 32 + 5],
    ['a time in the year 9999', [1, 253_402_300_799], 1, 253_402_300_799],
  ] as const)('reads %s', (_, counter, count, lastErrorTimestampSeconds) => {
    const { cpu, warnings } = readCpu(counter);
    expect(cpu).toEqual({ category: 'cpu', count, lastErrorTimestampSeconds });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['there is a count and no time', [2, 0], null, 'the crash came between'],
    ['there is a time and no count', [0, 5], 5, 'the crash came between'],
    ['the time is negative', [2, -1], -1, 'no date'],
    ['the time is past the year 9999', [2, 253_402_300_800], 253_402_300_800, 'no date'],
  ] as const)('warns when %s', (_, counter, time, warning) => {
    const { cpu, warnings } = readCpu(counter);
    expect(cpu).toMatchObject({ count: counter[0], lastErrorTimestampSeconds: time });
    expect(warnings).toEqual([expect.stringMatching(`^cpu: .*${warning}`)]);
  });

  it.each([
    'hwerr_data',
    'hwerr_data.llvm.1234567890',
    'hwerr_data.lto_priv.0',
    'hwerror_data', // as Documentation/driver-api/hw-recoverable-errors.rst has it
  ])('finds the array by the name %s', (arrayName) => {
    expect(read({ arrayName }).hwerr.kind).toBe('present');
  });

  it('is absent, kernel_without_hwerr, when neither array nor function is there', () => {
    expect(read({ arrayName: null, logFunction: false }).hwerr).toEqual({
      kind: 'absent',
      reason: 'kernel_without_hwerr',
    });
  });

  it('is absent, symbol_not_found, when only the function is there', () => {
    expect(read({ arrayName: null }).hwerr).toEqual({ kind: 'absent', reason: 'symbol_not_found' });
  });

  it('is present when the function is not there', () => {
    expect(read({ logFunction: false }).hwerr.kind).toBe('present');
  });

  it('warns when there is more room than the array needs', () => {
    const { hwerr, warnings } = read({ arrayRoom: 96 });
    expect(hwerr.kind).toBe('present');
    expect(warnings).toEqual(['hwerr_data: 96 bytes before the next symbol, read the first 80']);
  });

  it('throws Corrupt when there is less room than the array needs', () => {
    const error = thrownBy(() => read({ arrayRoom: 60 }));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt', at: 'hwerr_data' });
  });

  it.each(['page_excluded', 'page_lost'] as const)(
    'throws PageMissing when its page is %s',
    (reason) => {
      const built = kernel();
      const memory = memoryOf(built).drop(built.at('array'), reason);
      const { kernel: opened, kallsyms } = openedKernel(built, memory);
      const error = thrownBy(() => readHwerr(opened, kallsyms, () => undefined));
      expect(error).toMatchObject({ tag: 'PageMissing', reason });
    },
  );
});
