import { deflateSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import {
  PAGE_HEAD_BYTES,
  compressionsOf,
  decompressPage,
  pageHead,
} from '../../../src/vmcore/codec/page-codec.ts';
import { noise, patternPage } from '../../support/builders/bytes.ts';
import { lzoEncode } from '../../support/builders/lzo-encoder.ts';
import { snappyEncode } from '../../support/builders/snappy-encoder.ts';
import { thrownBy } from '../../support/system/thrown.ts';
import { zstdEncode } from '../../support/builders/zstd-encoder.ts';

const PAGE = patternPage(3);
const AT = 'kdump: page 0x10';
const SHORT = PAGE.subarray(0, 4000);

const CODECS: readonly (readonly [string, number, (page: Uint8Array) => Uint8Array])[] = [
  ['raw', 0x00, (page) => page],
  ['zlib', 0x01, (page) => deflateSync(page)],
  ['lzo', 0x02, (page) => lzoEncode(page)],
  ['snappy', 0x04, snappyEncode],
  ['zstd', 0x20, zstdEncode],
];

describe('decompressPage', () => {
  it.each(CODECS)('decodes a %s page by flags %i', (_, flags, encode) => {
    expect(decompressPage(flags, encode(PAGE), 4096, AT)).toEqual(PAGE);
  });

  it.each(CODECS)('decodes a page of 64 KiB that is nearly all zeros by %s', (_, flags, encode) => {
    const page = new Uint8Array(65_536).fill(1, 60_000);
    expect(decompressPage(flags, encode(page), 65_536, AT)).toEqual(page);
  });

  it('decodes a zlib page that is stored in it as it is, with zeros', () => {
    const page = noise(512).fill(0, 480, 511);
    const stored = deflateSync(page, { level: 0 });
    expect(decompressPage(0x01, stored, 512, AT)).toEqual(page);
  });

  it('decodes zeros that LZO passed over in noise, and no more than it can', () => {
    const read = (zeros: number): Uint8Array => {
      const page = noise(4096)
        .fill(0, 2500, 2500 + zeros)
        .fill(7, 3500);
      const stored = lzoEncode(page, 400);
      expect(Buffer.from(stored).includes(Buffer.alloc(zeros))).toBe(true);
      const back = decompressPage(0x02, stored, 4096, AT);
      expect(back).toEqual(page);
      return back;
    };
    read(190);
    expect(thrownBy(() => read(230))).toMatchObject({ tag: 'PageMissing', reason: 'page_lost' });
  });

  it.each(CODECS)('throws Corrupt when a %s page is too short', (_, flags, encode) => {
    const error = thrownBy(() => decompressPage(flags, encode(SHORT), 4096, AT));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt', at: AT });
    expect(error.message).toMatch(/got a page of 4000 bytes, want 4096$|got a broken snappy page$/);
  });

  it.each(CODECS)('throws Corrupt when a %s page is too long', (_, flags, encode) => {
    const error = thrownBy(() => decompressPage(flags, encode(PAGE), 4000, AT));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt', at: AT });
  });

  it.each([
    ['zlib', 0x01],
    ['lzo', 0x02],
    ['snappy', 0x04],
  ])('throws Corrupt with the cause when a %s stream is broken', (name, flags) => {
    const error = thrownBy(() => decompressPage(flags, Uint8Array.of(0x99), 4096, AT));
    expect(error.message).toBe(`${AT}: got a broken ${name} page`);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it.each([0x03, 0x08, 0x10, 0x21, 0x40, 0x80000000])(
    'throws Corrupt when the flags are %i, no single codec',
    (flags) => {
      const error = thrownBy(() => decompressPage(flags, PAGE, 4096, AT));
      expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
      expect(error.message).toContain(`got flags 0x${flags.toString(16)}`);
    },
  );
});

it.each([
  [0x00, []],
  [0x01, ['zlib']],
  [0x0a, ['lzo']],
  [0x27, ['zlib', 'lzo', 'snappy', 'zstd']],
  [0x18, []],
])('compressionsOf names the codecs of flags %i', (flags, names) => {
  expect(compressionsOf(flags)).toEqual(names);
});

describe('pageHead', () => {
  it.each(CODECS.filter(([name]) => ['raw', 'zlib', 'lzo'].includes(name)))(
    'gives the first bytes of a %s page',
    (_, flags, encode) => {
      const head = pageHead(flags, encode(PAGE), 4096)!;
      expect(head.length).toBeGreaterThanOrEqual(PAGE_HEAD_BYTES);
      expect(head).toEqual(PAGE.subarray(0, head.length));
    },
  );

  it.each(CODECS.filter(([name]) => ['snappy', 'zstd'].includes(name)))(
    'knows no shorter way for a %s page',
    (_, flags, encode) => {
      expect(pageHead(flags, encode(PAGE), 4096)).toBeUndefined();
    },
  );

  it.each([0x01, 0x02, 0x03])('gives undefined for a page broken or unknown, flags %i', (flags) => {
    expect(pageHead(flags, Uint8Array.of(0x99, 0x99), 4096)).toBeUndefined();
  });
});
