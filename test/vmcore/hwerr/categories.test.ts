import { describe, expect, it } from 'vitest';

import { CATEGORIES, byCategory, metricCategory } from '../../../src/vmcore/hwerr/categories.ts';

const counter = (category: string, count: number, lastErrorTimestampSeconds: number | null) => ({
  ...{ category, count, lastErrorTimestampSeconds },
});

it('metricCategory has a newer kernel count under others', () => {
  expect(['pci', 'others', 'npu'].map(metricCategory)).toEqual(['pci', 'others', 'others']);
});

describe('byCategory', () => {
  it('sums what metrics have under one name, with the newest time', () => {
    const npu = counter('npu', 3, 20);
    const others = counter('others', 2, 10);
    const sums = byCategory([counter('pci', 1, null), others, npu]);
    expect(sums.map(({ category }) => category)).toEqual(CATEGORIES);
    expect(sums[2]).toMatchObject({ count: 1, lastErrorSeconds: null });
    expect(sums[4]).toEqual({
      category: 'others',
      counters: [others, npu],
      count: 5,
      lastErrorSeconds: 20,
    });
  });

  it('is zero, and never, where nothing was counted', () => {
    expect(byCategory([])[0]).toEqual({
      category: 'cpu',
      counters: [],
      count: 0,
      lastErrorSeconds: null,
    });
  });
});
