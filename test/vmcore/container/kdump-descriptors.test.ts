import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { KdumpDescriptors } from '../../../src/vmcore/container/kdump-descriptors.ts';
import { readKdumpHeader } from '../../../src/vmcore/container/kdump-header.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { ByteWriter, LE64, patched, patternPage } from '../../support/builders/bytes.ts';
import { type KdumpRecipe, kdump } from '../../support/builders/kdump-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const PFNS = [16, 17, 18, 20, 21, 40];
const ZERO = new Uint8Array(4096);
/** Page 18 is one of zeros, and so is each of these. */
const PAGES = new Map(PFNS.map((pfn) => [pfn, pfn === 18 ? ZERO : patternPage(pfn)] as const));

/** The descriptors of a file, in which that of `pfn` says that its data are at `place`. */
function descriptors(pfn?: number, place = '', more: Partial<KdumpRecipe> = {}): KdumpDescriptors {
  const built = kdump({ pages: PAGES, codec: 'raw', ...more });
  const { places } = built;
  const offset = new ByteWriter(LE64).u64(places[place] ?? 0).toBytes();
  const bytes =
    pfn === undefined ? built.bytes : patched(built.bytes, places[`descriptor:${pfn}`]!, offset);
  const source = bytesSource(bytes);
  return new KdumpDescriptors(source, readKdumpHeader(source, DEFAULT_LIMITS));
}

function isInPlace(table: KdumpDescriptors, pfn: number): boolean {
  const index = PFNS.indexOf(pfn);
  try {
    table.checkPlace(index, table.read(index), 'page');
    return true;
  } catch (error) {
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    return false;
  }
}

describe('the place of a page', () => {
  it.each(['raw', 'zlib', 'lzo'] as const)('is right for each page of %s', (codec) => {
    const table = descriptors(undefined, '', { codec });
    expect(PFNS.filter((pfn) => !isInPlace(table, pfn))).toEqual([]);
  });

  it.each(['page:16', 'page:17', 'page:40', 'page:18'])(
    'is wrong where it is that of %s, and its neighbours are right all the same',
    (place) => {
      const table = descriptors(20, place);
      expect([16, 17, 20, 21, 40].filter((pfn) => !isInPlace(table, pfn))).toEqual([20]);
    },
  );

  it.each([
    ['the first page', 16, 'page:40'],
    ['the last page', 40, 'page:17'],
  ])('is wrong for %s by its one neighbour', (_, pfn, place) => {
    expect(isInPlace(descriptors(pfn, place), pfn)).toBe(false);
  });

  it('is not looked at where no page nearby has data', () => {
    const zeros = Array.from({ length: 300 }, (_, i) => [100 + i, ZERO] as const);
    const pages = new Map([...zeros, [250, patternPage(1)] as const, [1000, patternPage(2)]]);
    expect(isInPlace(descriptors(undefined, '', { pages }), 16)).toBe(true);
  });
});

describe('read', () => {
  it('throws Corrupt when the descriptor is past the end of the file', () => {
    const table = descriptors();
    const error = thrownBy(() => table.read(1_000_000));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
  });

  it('gives each descriptor, in whichever order they are asked for', () => {
    const table = descriptors();
    const inOrder = PFNS.map((_, i) => table.read(i));
    expect([5, 0, 3, 1, 4, 2].map((i) => table.read(i))).toEqual(
      [5, 0, 3, 1, 4, 2].map((i) => inOrder[i]),
    );
    expect(new Set(inOrder.map(({ offset }) => offset)).size).toBe(PFNS.length);
  });
});

describe('plausible', () => {
  it('is a descriptor, and nothing where data begin', () => {
    const table = descriptors();
    expect(table.plausible(PFNS.length - 1)).toMatchObject({ size: 4096, flags: 0 });
    expect(table.plausible(PFNS.length)).toBeUndefined();
    expect(table.plausible(1_000_000)).toBeUndefined();
  });
});
