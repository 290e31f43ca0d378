import { describe, expect, it } from 'vitest';

import { PageCache } from '../../../src/vmcore/memory/page-cache.ts';

const page = (value: number): Uint8Array => Uint8Array.of(value);

function cacheOf(capacity: number, ...pfns: readonly number[]): PageCache {
  const cache = new PageCache(capacity);
  for (const pfn of pfns) cache.set(pfn, page(pfn));
  return cache;
}

describe('PageCache', () => {
  it('gives back the page that was put in', () => {
    const cache = cacheOf(2, 1, 2);
    expect([cache.get(1), cache.get(2), cache.get(3)]).toEqual([page(1), page(2), undefined]);
  });

  it('drops the page that was not used for longest when it is full', () => {
    const cache = cacheOf(2, 1, 2);
    cache.get(1);
    cache.set(3, page(3));
    expect([cache.get(1), cache.get(2), cache.get(3)]).toEqual([page(1), undefined, page(3)]);
  });

  it.each([0, -1])('keeps one page when its capacity is %i', (capacity) => {
    const cache = cacheOf(capacity, 1, 2);
    expect([cache.get(1), cache.get(2)]).toEqual([undefined, page(2)]);
  });
});
