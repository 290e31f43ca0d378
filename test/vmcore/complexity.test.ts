/**
 * What a decode costs when the input doubles: counted, not timed. Where everything must be looked at,
 * twice as much; where it need not be, hardly more.
 */
import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../src/vmcore/index.ts';
import { flatRecords, flatStream } from '../support/builders/flattened-builder.ts';
import {
  type KernelRecipe,
  elfDumpOf,
  kdumpOf,
  kernel,
} from '../support/builders/kernel-builder.ts';
import { type DecodeCost, decodeCounted } from '../support/dumps/decode-cost.ts';

/** The size of an input: `n` of what the case is about. */
interface Case {
  readonly name: string;
  readonly from: number;
  readonly file: (n: number) => Uint8Array;
  /** At most so many times the cost for twice the input, by what is counted. */
  readonly growth: Partial<Record<keyof DecodeCost, number>>;
}

const LINEAR = 2.1;
/** One more step for each search; so few symbols share pages that twice as many share less. */
const LOGARITHMIC = 1.5;
/** Neither more nor less, but for what lies across the border of a page. */
const CONSTANT = 1.1;

const built = (recipe: KernelRecipe = {}): ReturnType<typeof kernel> =>
  kernel({ fillers: 300, ...recipe });

/** Segments of one page each, with a page between two of them, from 1 GiB on. */
function segments(count: number): { physical: bigint; bytes: Uint8Array }[] {
  const page = new Uint8Array(4096).fill(7);
  return Array.from({ length: count }, (_, i) => ({
    physical: 0x40000000n + BigInt(i * 8192),
    bytes: page,
  }));
}

const BUILT = built();
const IMAGE = { physical: BUILT.physical, bytes: BUILT.image };
const HIGH = built({ physical: 0x80000000n });
const HIGH_IMAGE = { physical: HIGH.physical, bytes: HIGH.image };
const KDUMP = kdumpOf(BUILT).bytes;

const CASES: readonly Case[] = [
  {
    name: 'records of a flattened stream',
    from: 512,
    file: (n) => flatStream(flatRecords(KDUMP, Math.ceil(KDUMP.length / n))),
    growth: { reads: LINEAR, bytesRead: LINEAR, pages: CONSTANT },
  },
  {
    name: 'segments of an ELF core',
    from: 1000,
    file: (n) => elfDumpOf(BUILT, { segments: [IMAGE, ...segments(n)] }),
    growth: { reads: CONSTANT, bytesRead: LINEAR, pages: CONSTANT },
  },
  {
    name: 'segments of an ELF core that are searched',
    from: 1000,
    file: (n) => elfDumpOf(HIGH, { segments: [...segments(n), HIGH_IMAGE], note: false }),
    growth: { reads: LINEAR, bytesRead: LINEAR },
  },
  {
    name: 'symbols, sorted by name',
    from: 6000,
    file: (n) => kdumpOf(built({ fillers: n })).bytes,
    growth: { reads: LOGARITHMIC, bytesRead: LOGARITHMIC, pages: LOGARITHMIC },
  },
  {
    name: 'symbols in no order',
    from: 4000,
    file: (n) => kdumpOf(built({ fillers: n, layout: 'v6.0', addressing: 'base' })).bytes,
    growth: { reads: LINEAR, bytesRead: LINEAR, pages: LINEAR },
  },
  {
    name: 'page frames below the kernel',
    from: 1 << 20,
    file: (n) => kdumpOf(built({ physical: BigInt(n) * 4096n })).bytes,
    growth: { reads: LINEAR, bytesRead: LINEAR, pages: CONSTANT },
  },
  {
    name: 'page frames above the kernel, where the bitmap is checked',
    from: 1 << 20,
    file: (n) => kdumpOf(BUILT, { maxPfn: n }).bytes,
    growth: { reads: LINEAR, bytesRead: LINEAR, pages: CONSTANT },
  },
  {
    name: 'page frames above the kernel, beyond 256 GiB',
    from: 1 << 27,
    file: (n) => kdumpOf(BUILT, { maxPfn: n }).bytes,
    growth: { reads: CONSTANT, bytesRead: CONSTANT, pages: CONSTANT },
  },
  {
    name: 'pages that are searched',
    from: 2000,
    file: (n) => {
      const page = new Uint8Array(4096).map((_, i) => (i * 7919) >> 3);
      const pages = new Map<number, Uint8Array>(Array.from({ length: n }, (_, i) => [i, page]));
      for (let at = 0; at < BUILT.image.length; at += 4096) {
        pages.set(Number(BUILT.physical) / 4096 + at / 4096, BUILT.image.subarray(at, at + 4096));
      }
      return kdumpOf(BUILT, { pages, note: false }).bytes;
    },
    growth: { reads: LINEAR, bytesRead: LINEAR, heads: LINEAR },
  },
];

describe.each(CASES)('twice as many $name', ({ from, file, growth }) => {
  const [small, large] = [from, 2 * from].map((n) => decodeCounted(bytesSource(file(n))));

  it('give the same answer', () => {
    expect(small?.report.hwerr).toMatchObject({ kind: 'present' });
    expect(large?.report.hwerr).toEqual(small?.report.hwerr);
  });

  it.each(Object.entries(growth) as [keyof DecodeCost, number][])(
    'cost %s at most %f times',
    (what, most) => {
      const [before, after] = [small?.cost[what] ?? 0, large?.cost[what] ?? 0];
      expect(after / Math.max(1, before)).toBeLessThanOrEqual(most);
    },
  );
});
