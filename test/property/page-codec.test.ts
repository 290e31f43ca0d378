import { deflateSync } from 'node:zlib';

import { expect, it } from 'vitest';
import * as fc from 'fast-check';

import { decompressPage } from '../../src/vmcore/codec/page-codec.ts';
import { VmcoreError } from '../../src/vmcore/errors.ts';
import { latin1 } from '../support/builders/bytes.ts';
import { lzoEncode } from '../support/builders/lzo-encoder.ts';
import { zstdEncode } from '../support/builders/zstd-encoder.ts';

const SIZE = 512;
const CODECS: readonly (readonly [string, number, (page: Uint8Array) => Uint8Array])[] = [
  ['zlib', 0x01, (page) => new Uint8Array(deflateSync(page, { level: 1 }))],
  ['lzo', 0x02, lzoEncode],
  ['zstd', 0x20, zstdEncode],
];

const page = fc
  .tuple(fc.uint8Array({ minLength: SIZE, maxLength: SIZE }), fc.nat(SIZE))
  .map(([bytes, zerosFrom]) => bytes.fill(0, zerosFrom));

it.each(CODECS)('decompressPage gives back a %s page', (_, flags, encode) => {
  fc.assert(
    fc.property(page, (bytes) => {
      expect(latin1(decompressPage(flags, encode(bytes), SIZE, 'page'))).toBe(latin1(bytes));
    }),
  );
});

it.each(CODECS)(
  'decompressPage gives a page or throws VmcoreError when a byte of a %s page changed',
  (_, flags, encode) => {
    fc.assert(
      fc.property(page, fc.nat(), fc.nat(255), (bytes, at, value) => {
        const stored = encode(bytes);
        stored[at % stored.length] = value;
        expectPageOrVmcoreError(flags, stored);
      }),
      { numRuns: 300 },
    );
  },
);

it('decompressPage gives a page or throws VmcoreError when flags and bytes are anything', () => {
  const flags = fc.oneof(fc.constantFrom(0, 1, 2, 4, 0x20), fc.nat(0xff));
  fc.assert(
    fc.property(flags, fc.uint8Array({ maxLength: SIZE }), (drawn, stored) => {
      expectPageOrVmcoreError(drawn, stored);
    }),
    { numRuns: 500 },
  );
});

function expectPageOrVmcoreError(flags: number, stored: Uint8Array): void {
  try {
    expect(decompressPage(flags, stored, SIZE, 'page')).toHaveLength(SIZE);
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
  }
}
