import { describe, expect, it, vi } from 'vitest';
import * as fc from 'fast-check';

import { ExtentBuilder, type ExtentMap, containsRange } from '../../../src/vmcore/bytes/extents.ts';
import { LimitExceeded } from '../../../src/vmcore/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';

type Triple = readonly [start: number, length: number, fileOffset: number];

function extents(triples: readonly Triple[], overlappingExtents = 64): ExtentMap {
  const builder = new ExtentBuilder();
  for (const [start, length, fileOffset] of triples) builder.add(start, length, fileOffset);
  return builder.build({ ...DEFAULT_LIMITS, overlappingExtents });
}

function byValue(a: number, b: number): number {
  return a - b;
}

function triplesWithin(map: ExtentMap, start: number, length: number): Triple[] {
  return map.within(start, length).map((part) => [part.start, part.length, part.fileOffset]);
}

describe('ExtentMap', () => {
  const apart = extents([
    [300, 100, 0],
    [100, 100, 1000],
  ]);

  it('sorts extents that were added in any order', () => {
    expect([...apart.all()].map(({ start }) => start)).toEqual([100, 300]);
    expect(apart).toMatchObject({ count: 2, end: 400 });
  });

  it('takes extents that are the same in all for one, in whatever order they come', () => {
    const triples = Array.from({ length: 3000 }, (_, i): Triple => [100 * (i % 3), 100, 0]);
    const map = extents(triples, 1);
    expect(map.count).toBe(3);
    expect(triplesWithin(map, 150, 10)).toEqual([[150, 10, 50]]);
    expect(map.end).toBe(300);
  });

  it.each<[string, (i: number) => Triple]>([
    ['lie in one another', (i) => [1000 + i, 5000 - 2 * i, 1000 + i]],
    ['overlap in part', (i) => [1000 + 4 * i, 400, 1000 + 4 * i]],
    ['follow each other', (i) => [1000 + 4 * i, 4, 1000 + 4 * i]],
  ])('takes extents for one that %s and say the same', (_, extentOf) => {
    const triples = Array.from({ length: 1000 }, (__, i) => extentOf(i));
    const map = extents(triples.reverse(), 1);
    expect(map.count).toBe(1);
    const { start, length, fileOffset } = [...map.all()][0]!;
    expect(start).toBe(1000);
    expect(fileOffset).toBe(1000);
    expect(start + length).toBe(Math.max(...triples.map(([from, size]) => from + size)));
  });

  it('keeps extents apart that differ in place', () => {
    const triples: Triple[] = [
      [0, 10, 5],
      [0, 20, 5],
      [0, 10, 6],
    ];
    expect(extents([...triples, ...triples]).count).toBe(3);
  });

  it.each([
    ['an extent whole', 100, 100, [[100, 100, 1000]]],
    ['the part that was asked for', 120, 10, [[120, 10, 1020]]],
    [
      'parts of both',
      190,
      120,
      [
        [300, 10, 0],
        [190, 10, 1090],
      ],
    ],
    ['nothing in a gap', 200, 100, []],
    ['nothing past the end', 400, 10, []],
    ['nothing before the start', 0, 100, []],
  ])('within gives %s', (_, start, length, parts) => {
    expect(triplesWithin(apart, start, length)).toEqual(parts);
  });

  it.each([
    [100, 100, true],
    [150, 50, true],
    [150, 51, false],
    [99, 2, false],
    [250, 1, false],
  ])('covers [%d, +%d): %o', (start, length, expected) => {
    expect(apart.contains(start, length)).toBe(expected);
  });

  it('covers a range that several extents make up', () => {
    expect(
      extents([
        [0, 10, 90],
        [10, 10, 50],
        [20, 10, 70],
      ]).contains(5, 20),
    ).toBe(true);
  });

  it('within gives what comes later in the file last when extents overlap', () => {
    const map = extents([
      [0, 100, 5000],
      [40, 20, 9000],
      [50, 100, 1000],
    ]);
    expect(triplesWithin(map, 45, 10)).toEqual([
      [50, 5, 1000],
      [45, 10, 5045],
      [45, 10, 9005],
    ]);
  });

  it('finds a long extent behind many short ones that begin later', () => {
    const short = Array.from({ length: 50 }, (_, i): Triple => [10 + i, 1, 9000 + i]);
    expect(triplesWithin(extents([[0, 1000, 0], ...short]), 500, 4)).toEqual([[500, 4, 500]]);
  });

  it('is empty when nothing was added, or only extents without length', () => {
    expect(
      extents([
        [5, 0, 0],
        [6, -1, 0],
      ]),
    ).toMatchObject({ count: 0, end: 0 });
    expect(triplesWithin(extents([]), 0, 10)).toEqual([]);
  });

  it('takes more extents than it first has room for', () => {
    const many = Array.from({ length: 5000 }, (_, i): Triple => [10 * (4999 - i), 10, i]);
    const map = extents(many);
    expect(map).toMatchObject({ count: 5000, end: 50_000 });
    expect(map.contains(0, 50_000)).toBe(true);
  });

  it.each([
    ['in order', (i: number) => i],
    ['backwards', (i: number) => -i],
    ['in three interleaved sequences', (i: number) => (i % 3) * 1e6 + i],
    ['in any order', (i: number) => (i * 7919) % 50_021],
  ])('allocates 32 bytes an extent, all in all, when they come %s', (_, startOf) => {
    let allocated = 0;
    for (const name of ['Float64Array', 'Uint32Array'] as const) {
      vi.stubGlobal(
        name,
        new Proxy(globalThis[name], {
          construct(made, [length]: [number]): object {
            allocated += made.BYTES_PER_ELEMENT * length;
            return new made(length);
          },
        }),
      );
    }
    let map;
    try {
      const builder = new ExtentBuilder();
      for (let i = 0; i < 50_000; i++) builder.add(10 * startOf(i), 10, i);
      map = builder.build(DEFAULT_LIMITS);
    } finally {
      vi.unstubAllGlobals(); // other files of tests have this worker after it
    }
    const starts = [...map.all()].map(({ start }) => start);
    expect(starts).toEqual(Array.from({ length: 50_000 }, (_, i) => 10 * startOf(i)).sort(byValue));
    expect(allocated).toBeGreaterThan(32 * 50_000);
    expect(allocated).toBeLessThan(32 * 51_024);
  });

  it('throws LimitExceeded when more extents than the limit lie over one another', () => {
    const piled = Array.from({ length: 5 }, (_, i): Triple => [0, 100, 100 * i]);
    expect(extents(piled, 5).within(0, 100)).toHaveLength(5);
    expect(() => extents(piled, 4).within(0, 100)).toThrow(LimitExceeded);
  });

  it('throws LimitExceeded when a lookup passes over more extents than the limit', () => {
    const hidden = Array.from({ length: 10 }, (_, i): Triple => [10 + i, 1, 9000 + 2 * i]);
    expect(() => extents([[0, 1000, 0], ...hidden], 4).within(500, 4)).toThrow(LimitExceeded);
  });

  it('paints like a byte map when extents are anything', () => {
    const triple = fc.tuple(fc.nat(60), fc.nat(20), fc.constant(0));
    fc.assert(
      fc.property(
        fc.array(triple, { maxLength: 12 }),
        fc.nat(80),
        fc.integer({ min: 1, max: 40 }),
        (drawn, start, length) => {
          let fileOffset = 0;
          const triples = drawn.map(([from, size]): Triple => [from, size, (fileOffset += 100)]);
          const naive = new Map<number, number>();
          for (const [from, size, file] of triples) {
            for (let i = 0; i < size; i++) naive.set(from + i, file + i);
          }
          const painted = new Map<number, number>();
          const parts = extents(triples).within(start, length);
          for (const part of parts) {
            for (let i = 0; i < part.length; i++) painted.set(part.start + i, part.fileOffset + i);
          }
          const wanted = new Map([...naive].filter(([at]) => at >= start && at < start + length));
          expect(new Map([...painted].sort())).toEqual(new Map([...wanted].sort()));
          expect(containsRange(parts, start, length)).toBe(wanted.size === length);
        },
      ),
    );
  });
});
