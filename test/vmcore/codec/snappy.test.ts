import { describe, expect, it } from 'vitest';

import { decompressSnappy } from '../../../src/vmcore/codec/snappy.ts';
import { bytesOf, concat, fromHex, patternPage } from '../../support/builders/bytes.ts';
import { snappyEncode } from '../../support/builders/snappy-encoder.ts';

describe('decompressSnappy', () => {
  it.each([
    ['zeros', new Uint8Array(4096)],
    ['a pattern', patternPage(5)],
    ['bytes that do not compress', Uint8Array.from({ length: 4096 }, (_, i) => (i * i * 31) >> 3)],
    ['64 KiB', concat(...Array.from({ length: 16 }, (_, i) => patternPage(i)))],
  ])('gives back a page of %s', (_, page) => {
    expect(decompressSnappy(snappyEncode(page), page.length)).toEqual(page);
  });

  // format_description.txt: a literal, and copies with offsets of one, two and four bytes.
  it.each([
    ['a literal', '04 0c 61626364', 'abcd'],
    ['a long literal', '03 f0 02 616263', 'abc'],
    ['a copy with 1 byte of offset', '08 04 6162 09 02', 'abababab'.slice(0, 8)],
    ['a copy with 2 bytes of offset', '08 04 6162 16 0200', 'abababab'],
    ['a copy with 4 bytes of offset', '08 04 6162 17 02000000', 'abababab'],
  ])('reads %s', (_, hex, text) => {
    expect(decompressSnappy(fromHex(hex), text.length)).toEqual(bytesOf(text));
  });

  it.each([
    ['states another length', snappyEncode(patternPage(1).subarray(0, 4000))],
    ['is empty', new Uint8Array(0)],
    ['has a length without end', fromHex('ffffffffffff')],
    ['ends within a literal', snappyEncode(patternPage(1)).subarray(0, 60)],
    ['ends before its length', fromHex('8020 0c 61626364')],
    ['copies from before its start', fromHex('8020 0c 61626364 16 0500')],
    ['copies from nowhere', fromHex('8020 0c 61626364 16 0000')],
    ['goes on past its length', concat(snappyEncode(patternPage(1)), fromHex('0c61626364'))],
  ])('throws when the block %s', (_, block) => {
    expect(() => decompressSnappy(block, 4096)).toThrow();
  });

  it('leaves nothing of a broken block behind', () => {
    const page = patternPage(7);
    expect(() => decompressSnappy(fromHex('8020 0c 61626364 16 0500'), 4096)).toThrow();
    expect(decompressSnappy(snappyEncode(page), 4096)).toEqual(page);
  });
});
