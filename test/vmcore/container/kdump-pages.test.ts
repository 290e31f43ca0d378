import { describe, expect, it } from 'vitest';

import { type ByteSource, bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import { readKdumpHeader } from '../../../src/vmcore/container/kdump-header.ts';
import { KdumpPages } from '../../../src/vmcore/container/kdump-pages.ts';
import { CAPS, DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import {
  BYTE_ORDERS,
  ByteWriter,
  LE64,
  concat,
  latin1,
  noise,
  orderName,
  patched,
  patternPage,
  withU32,
} from '../../support/builders/bytes.ts';
import { type KdumpCodec, type KdumpRecipe, kdump } from '../../support/builders/kdump-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const PAGES = new Map([16, 17, 20, 21, 40].map((pfn) => [pfn, patternPage(pfn)] as const));
const ZERO = new Uint8Array(4096);
const recipe = (more: Partial<KdumpRecipe> = {}): KdumpRecipe => ({ pages: PAGES, ...more });

function open(
  file: Uint8Array,
  pageCacheBytes = 1 << 20,
): KdumpPages & { cost: { pages: number } } {
  const source = bytesSource(file);
  const header = readKdumpHeader(source, DEFAULT_LIMITS);
  const cost = { pages: 0 };
  const limits = { ...DEFAULT_LIMITS, pageCacheBytes };
  const memory = new KdumpPages(source, header, limits, (what) => {
    if (what === 'page') cost.pages++;
  });
  return Object.assign(memory, { cost });
}

const opened = (more: Partial<KdumpRecipe> = {}): KdumpPages => open(kdump(recipe(more)).bytes);

function pageOf(memory: KdumpPages, pfn: number, size = 4096): string {
  return latin1(memory.read(physAddr(pfn * size), size));
}

function errorOf(memory: KdumpPages, pfn: number): ReturnType<typeof thrownBy> {
  return thrownBy(() => memory.read(physAddr(pfn * 4096), 1));
}

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'KdumpPages of a %s file',
  (_, order) => {
    it.each(['raw', 'zlib', 'lzo', 'zstd'] as const)('reads %s pages', (codec) => {
      const memory = opened({ order, codec });
      for (const [pfn, page] of PAGES) expect(pageOf(memory, pfn)).toBe(latin1(page));
      expect(memory.isCutShort).toBe(false);
    });
  },
);

describe('read of KdumpPages', () => {
  it.each([8192, 16384, 65536])('reads pages of %i bytes', (blockSize) => {
    const pages = new Map([3, 4].map((pfn) => [pfn, patternPage(pfn, blockSize)] as const));
    const memory = opened({ blockSize, pages });
    expect(pageOf(memory, 4, blockSize)).toBe(latin1(patternPage(4, blockSize)));
    expect(memory.read(physAddr(3 * blockSize + 5000), 3)).toEqual(
      patternPage(3, blockSize).slice(5000, 5003),
    );
  });

  it('takes the codec of each page from its own descriptor', () => {
    const codecs: KdumpCodec[] = ['raw', 'zlib', 'lzo', 'zstd'];
    const memory = opened({ codec: (pfn) => codecs[pfn % 4]! });
    for (const [pfn, page] of PAGES) expect(pageOf(memory, pfn)).toBe(latin1(page));
    expect(memory.flagsSeen).toBe(0x01); // 16, 20, 40: raw; 17, 21: zlib
  });

  it('reads a page that did not shrink from a compressed dump', () => {
    const page = noise(4096);
    const memory = opened({ pages: new Map([[16, page]]), codec: 'lzo' });
    expect(pageOf(memory, 16)).toBe(latin1(page));
    expect(memory.flagsSeen).toBe(0);
  });

  it('reads within a page and across two', () => {
    const memory = opened();
    const both = concat(patternPage(16), patternPage(17));
    expect(memory.read(physAddr(0x10010), 5)).toEqual(both.slice(0x10, 0x15));
    expect(memory.read(physAddr(0x10ffe), 5)).toEqual(both.slice(0xffe, 0x1003));
    expect(latin1(memory.read(physAddr(0x10000), 8192))).toBe(latin1(both));
  });

  it('reads zero pages, which share one block, as zeros', () => {
    const { bytes, places } = kdump(recipe({ pages: new Map([...PAGES, [18, ZERO], [30, ZERO]]) }));
    expect(places['page:18']).toBe(places['page:30']);
    expect(pageOf(open(bytes), 30)).toBe(latin1(ZERO));
  });

  it('reads pages by a single bitmap', () => {
    expect(pageOf(opened({ bitmaps: 1 }), 21)).toBe(latin1(PAGES.get(21)!));
  });

  it('has page_excluded where the bit is clear, in RAM or not', () => {
    const memory = opened({ excluded: [17] });
    for (const pfn of [0, 17, 18, 39, 41, 1e6, 2 ** 50]) {
      expect(errorOf(memory, pfn)).toMatchObject({ tag: 'PageMissing', reason: 'page_excluded' });
    }
    expect(pageOf(memory, 20)).toBe(latin1(PAGES.get(20)!));
  });

  it('has page_excluded when only the second page of a range is missing', () => {
    const memory = opened();
    expect(thrownBy(() => memory.read(physAddr(0x11fff), 2)).reason).toBe('page_excluded');
  });

  it('has page_lost where the descriptor is zeros: the disk was full', () => {
    const memory = opened({ lost: [21, 40] });
    expect(errorOf(memory, 40)).toMatchObject({ tag: 'PageMissing', reason: 'page_lost' });
    expect(pageOf(memory, 20)).toBe(latin1(PAGES.get(20)!));
    expect(memory.isCutShort).toBe(true);
  });

  it.each(['raw', 'zlib'] as const)(
    'has page_lost, or the page, where a hole begins or ends within its descriptor: %s',
    (codec) => {
      const { bytes, places } = kdump(recipe({ codec }));
      const [first, at] = [places['descriptor:16']!, places['descriptor:20']!];
      const answers = Array.from({ length: 23 }, (_, i) => i + 1).flatMap((part) =>
        [
          [first, at + part],
          [at + part, places['descriptor:40']! + 24],
        ].map(([from, to]) => {
          const memory = open(Uint8Array.from(bytes).fill(0, from, to));
          try {
            return pageOf(memory, 20) === latin1(PAGES.get(20)!) ? 'read' : 'wrong';
          } catch {
            return errorOf(memory, 20).reason;
          }
        }),
      );
      expect(new Set(answers)).toEqual(new Set(['page_lost', 'read']));
    },
  );

  it('has page_lost where the file ends before the data, and reads what is whole', () => {
    const { bytes, places } = kdump(recipe());
    const memory = open(bytes.subarray(0, places['page:40']! + 10));
    expect(errorOf(memory, 40)).toMatchObject({ tag: 'PageMissing', reason: 'page_lost' });
    expect(pageOf(memory, 21)).toBe(latin1(PAGES.get(21)!));
    expect(memory.isCutShort).toBe(true);
  });

  it.each(['zlib', 'lzo', 'snappy', 'zstd'] as const)(
    'has page_lost where a sector of what %s packed was never written',
    (codec) => {
      const page = noise(4096).fill(0, 3000);
      const { bytes } = kdump(recipe({ codec, pages: new Map([[40, page]]) }));
      expect(pageOf(open(bytes), 40)).toBe(latin1(page));
      const sector = bytes.length - 1024 - (bytes.length % 512);
      const memory = open(Uint8Array.from(bytes).fill(0, sector, sector + 512));
      expect(errorOf(memory, 40)).toMatchObject({ tag: 'PageMissing', reason: 'page_lost' });
    },
  );

  it('has page_lost where the file ends before the descriptor', () => {
    const { bytes, places } = kdump(recipe());
    const memory = open(bytes.subarray(0, places['descriptor:40']! + 10));
    expect(errorOf(memory, 40)).toMatchObject({ tag: 'PageMissing', reason: 'page_lost' });
    expect(memory.isCutShort).toBe(true);
  });

  it('has page_lost when the file ends before the bitmap', () => {
    const { bytes, places } = kdump(recipe());
    const memory = open(bytes.subarray(0, places['bitmap2']));
    expect(errorOf(memory, 40)).toMatchObject({ tag: 'PageMissing', reason: 'page_lost' });
    expect(memory.isCutShort).toBe(true);
  });

  it.each([
    ['size is 0', 8, 0],
    ['size is larger than a page', 8, 4097],
    ['flags are unknown', 12, 0x40],
    ['flags name two codecs', 12, 0x03],
    ['flags name another codec', 12, 0x02],
    ['flags say raw and size is not a page', 12, 0],
  ])('throws Corrupt with the page when its %s', (_, field, value) => {
    const { bytes, places } = kdump(recipe());
    const memory = open(withU32(bytes, places['descriptor:20']! + field, value));
    const error = errorOf(memory, 20);
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.at).toContain('kdump: page 0x14, descriptor 2 at 0x');
    expect(pageOf(memory, 17)).toBe(latin1(PAGES.get(17)!));
  });

  it.each([
    ['another page', 'page:17'],
    ['the page after', 'page:21'],
    ['the zeros that pages of zeros share', 'page:18'],
  ])('throws Corrupt with the page when its data are those of %s', (_, place) => {
    const pages = new Map([...PAGES, [18, ZERO], [30, ZERO]]);
    const { bytes, places } = kdump(recipe({ pages, codec: 'raw' }));
    const elsewhere = new ByteWriter(LE64).u64(places[place]!).toBytes();
    const memory = open(patched(bytes, places['descriptor:20']!, elsewhere));
    const error = errorOf(memory, 20);
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.message).toContain('between the pages before and after');
    for (const pfn of [16, 17, 21, 30, 40]) {
      expect(pageOf(memory, pfn)).toBe(latin1(pages.get(pfn)!));
    }
  });

  it('throws Corrupt when an offset is 2^53 or more', () => {
    const { bytes, places } = kdump(recipe());
    const far = new ByteWriter(LE64).u64(2n ** 60n).toBytes();
    const error = errorOf(open(patched(bytes, places['descriptor:20']!, far)), 20);
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.at).toBe(
      `page descriptor 2: offset at 0x${places['descriptor:20']!.toString(16)}`,
    );
  });

  it('decompresses a page once while the cache holds it', () => {
    const memory = open(kdump(recipe()).bytes);
    for (const pfn of [16, 17, 16, 17]) pageOf(memory, pfn);
    expect(memory.cost.pages).toBe(2);
  });

  it('keeps as many pages as pageCacheBytes allows, and one at least', () => {
    const memory = open(kdump(recipe()).bytes, 4096);
    for (const pfn of [16, 16, 17, 16]) pageOf(memory, pfn);
    expect(memory.cost.pages).toBe(3);
  });
});

describe('KdumpPages of a part of a split dump', () => {
  const part = (split: readonly [number, number]): KdumpPages => opened({ split });

  it('reads the pages of the part', () => {
    const memory = part([17, 21]);
    expect(pageOf(memory, 17)).toBe(latin1(PAGES.get(17)!));
    expect(pageOf(memory, 20)).toBe(latin1(PAGES.get(20)!));
    expect(memory.isCutShort).toBe(false);
  });

  it.each([16, 21, 40])('has page_lost for page %i of another part', (pfn) => {
    expect(errorOf(part([17, 21]), pfn)).toMatchObject({ tag: 'PageMissing', reason: 'page_lost' });
  });

  it('has page_excluded for a page that no part has', () => {
    expect(errorOf(part([17, 21]), 18).reason).toBe('page_excluded');
  });

  it('is whole when it is empty', () => {
    expect(part([22, 22]).isCutShort).toBe(false);
  });

  it('is cut short when its last page is', () => {
    const { bytes } = kdump(recipe({ split: [17, 21] }));
    expect(open(bytes.subarray(0, -5)).isCutShort).toBe(true);
  });
});

describe('isCutShort of KdumpPages', () => {
  const zeros = new Map([...PAGES, [18, ZERO] as const]);
  const zeroFirst = new Map([...PAGES, [2, ZERO] as const]);

  it.each([
    ['first', zeroFirst],
    ['not first', zeros],
    ['none', PAGES],
  ])('finds the last descriptor when the zero page is %s', (_, pages) => {
    const { bytes } = kdump(recipe({ pages }));
    expect(open(bytes).isCutShort).toBe(false);
    expect(open(bytes.subarray(0, -1)).isCutShort).toBe(true);
  });

  it('finds the last descriptor when the first was never written', () => {
    expect(opened({ lost: [16] }).isCutShort).toBe(false);
    expect(opened({ lost: [16, 40] }).isCutShort).toBe(true);
  });

  it('is false for a dump without pages', () => {
    expect(opened({ pages: new Map(), maxPfn: 64 }).isCutShort).toBe(false);
  });
});

describe('findPages of KdumpPages', () => {
  it('throws LimitExceeded for pages that share their data, as those of no honest dump do', () => {
    const pages = new Map(
      Array.from({ length: 400 }, (_, i) => [i, new Uint8Array(4096).fill(1 + i / 2)] as const),
    );
    const { bytes, places } = kdump({ pages });
    const noise = new ByteWriter(LE64).u64(bytes.length).u32(4096).u32(0).u64(0).toBytes();
    const file = concat(bytes, patternPage(7)); // as it is, and no zeros
    for (const pfn of [...pages.keys()].slice(1)) file.set(noise, places[`descriptor:${pfn}`]);
    const search = (): unknown => [...open(file).findPages('rest', () => false)];
    expect(thrownBy(search)).toMatchObject({ tag: 'LimitExceeded' });
  });

  it('gives up where descriptors were never written for more pages than were ever lost', () => {
    const count = CAPS.unwrittenDescriptors + 1;
    const { bytes, places } = kdump({ pages: PAGES, maxPfn: count });
    const bitmap = Math.ceil(count / 8);
    const ones = new Uint8Array(bitmap).fill(255);
    const header = readKdumpHeader(bytesSource(bytes), DEFAULT_LIMITS);
    const { offset } = header.dumpedBitmap;
    const table = header.descriptors;
    expect(places['descriptor:16']).toBe(table);
    const source: ByteSource = {
      size: table + 24 * count,
      contains: () => true,
      read: (at, length) =>
        at >= table ? new Uint8Array(length) : ones.subarray(at - offset, at - offset + length),
    };
    const memory = new KdumpPages(source, header, DEFAULT_LIMITS);
    expect(thrownBy(() => [...memory.findPages('text', () => false)])).toMatchObject({
      tag: 'LimitExceeded',
    });
  });

  it.each([
    ['gives up where more pages are broken than in any dump', true],
    ['does not where the dump broke off before them', false],
  ])('%s', (_, isInFile) => {
    const count = CAPS.brokenPages + 1;
    const { bytes } = kdump({ pages: PAGES, maxPfn: count });
    const header = readKdumpHeader(bytesSource(bytes), DEFAULT_LIMITS);
    const { offset, length } = header.dumpedBitmap;
    const ones = new Uint8Array(length).fill(255, 0, Math.ceil(count / 8));
    const table = header.descriptors;
    const end = table + 24 * count;
    const descriptors = new ByteWriter(LE64);
    for (let i = 0; i < count; i++)
      descriptors
        .u64(end + 1000 * i)
        .u32(1000)
        .u32(1)
        .u64(0);
    const written = descriptors.toBytes();
    const source: ByteSource = {
      size: end + 1000 * count,
      contains: (at) => isInFile || at < end,
      read: (at, size) => {
        if (at >= end) return new Uint8Array(size).fill(1);
        if (at >= table) return written.subarray(at - table, at - table + size);
        return ones.subarray(at - offset, at - offset + size);
      },
    };
    const memory = new KdumpPages(source, header, DEFAULT_LIMITS);
    const search = (): unknown => [...memory.findPages('text', () => true)];
    if (isInFile) expect(thrownBy(search).message).toContain('kdump: broken pages: got 8193');
    else expect(search()).toEqual([]);
  });

  const isText = (head: Uint8Array): boolean => head[0] === 0x4f && head.length === 40;
  const found = (memory: KdumpPages): number[] =>
    (['text', 'rest'] as const)
      .flatMap((which) => [...memory.findPages(which, isText)])
      .map(Number);
  const text = (length: number, size = 4096): Uint8Array => {
    const page = new Uint8Array(size);
    let noise = 1;
    for (let i = 0; i < length; i++) {
      page[i] = i === 0 ? 0x4f : 97 + ((noise >> 16) & 15);
      noise = (Math.imul(noise, 1103515245) + 12345) & 0x7fffffff;
    }
    return page;
  };

  it('finds pages by their first bytes', () => {
    const pages = new Map([...PAGES, [18, text(5)], [19, text(5)]]);
    expect(found(opened({ pages }))).toEqual([18 * 4096, 19 * 4096]);
  });

  it('tries pages that compress like text first', () => {
    const pages = new Map([...PAGES, [18, text(5)], [30, text(3000)]]);
    const memory = opened({ pages });
    expect(found(memory)).toEqual([30 * 4096, 18 * 4096]);
  });

  it('looks at every 4 KiB of a larger block', () => {
    const block = new Uint8Array(65536);
    block.set(text(5), 0x3000);
    block.set(text(5), 0x9000);
    const memory = opened({ blockSize: 65536, pages: new Map([[2, block]]) });
    expect(found(memory)).toEqual([0x23000, 0x29000]);
  });

  it('passes over pages that are lost, broken or of another part', () => {
    const pages = new Map([16, 17, 18, 19].map((pfn) => [pfn, text(5)] as const));
    const { bytes, places } = kdump(recipe({ pages, lost: [17] }));
    const broken = withU32(bytes, places['descriptor:18']! + 8, 9999);
    expect(found(open(broken))).toEqual([16 * 4096, 19 * 4096]);
    expect(found(opened({ pages, split: [18, 19] }))).toEqual([18 * 4096]);
  });

  it('stops where the descriptors end when the file is cut off', () => {
    const pages = new Map([16, 17, 18].map((pfn) => [pfn, text(5)] as const));
    const { bytes, places } = kdump(recipe({ pages }));
    expect(found(open(bytes.subarray(0, places['descriptor:18']! + 4)))).toEqual([]);
    expect(found(open(bytes.subarray(0, -4)))).toEqual([16 * 4096, 17 * 4096]);
  });

  it('finds nothing when no page matches', () => {
    expect(found(opened())).toEqual([]);
  });
});

it('KdumpPages passes on what is no error of the dump', () => {
  const { bytes, places } = kdump(recipe());
  const inner = bytesSource(bytes);
  const broken = new Error('EIO');
  const source = {
    ...inner,
    read: (offset: number, length: number): Uint8Array => {
      if (offset >= places['data']!) throw broken;
      return inner.read(offset, length);
    },
  };
  const header = readKdumpHeader(source, DEFAULT_LIMITS);
  const memory = new KdumpPages(source, header, DEFAULT_LIMITS);
  expect(() => memory.read(physAddr(0x10000), 1)).toThrow(broken);
  expect(() => [...memory.findPages('rest', () => true)]).toThrow(broken);
});
