import { describe, expect, it } from 'vitest';

import { decompressLzo1x } from '../../../src/vmcore/codec/lzo1x.ts';
import { bytesOf, fromHex, patternPage } from '../../support/builders/bytes.ts';
import { lzoEncode } from '../../support/builders/lzo-encoder.ts';

const END = '11 00 00';

function decoded(hex: string, size = 65536): string {
  return String.fromCharCode(...decompressLzo1x(fromHex(hex), size));
}

/** 3 + 15 + 255 + 1 literals: the long form with one zero byte of length. */
const LITERALS_274 = `00 00 01 ${'61'.repeat(274)}`;

describe('decompressLzo1x', () => {
  it.each([
    ['nothing when there is only an end marker', END, ''],
    ['1 literal by the first byte', `12 61 ${END}`, 'a'],
    ['3 literals by the first byte', `14 61 62 63 ${END}`, 'abc'],
    ['4 literals by the first byte', `15 61 62 63 64 ${END}`, 'abcd'],
    ['238 literals by the first byte', `ff ${'61'.repeat(238)} ${END}`, 'a'.repeat(238)],
    ['4 literals by a code', `01 61 62 63 64 ${END}`, 'abcd'],
    ['18 literals by a code', `0f ${'61'.repeat(18)} ${END}`, 'a'.repeat(18)],
    ['19 literals by a long length', `00 01 ${'61'.repeat(19)} ${END}`, 'a'.repeat(19)],
    ['274 literals by a longer length', `${LITERALS_274} ${END}`, 'a'.repeat(274)],
    ['a copy of 3 within 2 KiB (64..95)', `15 61 62 63 64 48 00 ${END}`, 'abcdbcd'],
    ['a copy of 4 within 2 KiB (96..127)', `15 61 62 63 64 6c 00 ${END}`, 'abcdabcd'],
    ['a copy of 5 within 2 KiB (128..159)', `15 61 62 63 64 8c 00 ${END}`, 'abcdabcda'],
    ['a copy of 8 within 2 KiB (224..255)', `15 61 62 63 64 ec 00 ${END}`, 'abcdabcdabcd'],
    [
      'a copy from 9 back, by the high bits of the distance',
      `1a ${'61'.repeat(8)} 62 40 01 ${END}`,
      `${'a'.repeat(8)}baaa`,
    ],
    ['literals behind a copy', `15 61 62 63 64 6e 00 78 79 ${END}`, 'abcdabcdxy'],
    ['a copy of 3 within 16 KiB (32..63)', `15 61 62 63 64 21 0c 00 ${END}`, 'abcdabc'],
    ['a copy of 33 by a code', `15 61 62 63 64 3f 0c 00 ${END}`, 'abcd'.repeat(9) + 'a'],
    ['a copy of 34 by a long length', `15 61 62 63 64 20 01 0c 00 ${END}`, 'abcd'.repeat(9) + 'ab'],
    [
      'a copy of 289 by a longer length',
      `15 61 62 63 64 20 00 01 0c 00 ${END}`,
      'abcd'.repeat(73) + 'a',
    ],
    ['literals behind a copy within 16 KiB', `15 61 62 63 64 21 0d 00 78 ${END}`, 'abcdabcx'],
    [
      'a copy of 2 right behind literals of a copy (0..15)',
      `15 61 62 63 64 6d 00 78 00 00 ${END}`,
      'abcdabcdxxx',
    ],
    ['a copy of 2 from further back', `15 61 62 63 64 6d 00 78 08 01 ${END}`, 'abcdabcdxcd'],
    ['a copy of 2 behind 2 first literals', `13 61 62 05 00 78 ${END}`, 'ababx'],
  ])('gives %s', (_, hex, text) => {
    expect(decoded(hex)).toBe(text);
  });

  it('copies 3 from 2049 back when code 0..15 follows a long run of literals', () => {
    const literals = Uint8Array.from({ length: 2049 }, (_, i) => i % 251);
    // 2049 = 3 + 15 + 7 * 255 + 246
    const stream = [0, ...new Array<number>(7).fill(0), 246, ...literals, 0, 0, 0x11, 0, 0];
    const page = decompressLzo1x(Uint8Array.from(stream), 4096);
    expect(page).toHaveLength(2052);
    expect(page.subarray(2049)).toEqual(literals.subarray(0, 3));
  });

  it.each([
    ['16385', 0x10 | 2, 0x04, 0x00, 16385],
    ['32768', 0x18 | 2, 0x00, 0x00, 32768],
    ['49151', 0x18 | 2, 0xfc, 0xff, 49151],
  ])('copies 4 from %s back (16..31)', (_, code, low, high, distance) => {
    const literals = Uint8Array.from({ length: 49151 }, (_, i) => (i * 31) % 253);
    const rest = literals.length - 18;
    const zeros = Math.floor((rest - 1) / 255);
    const length = [...new Array<number>(zeros).fill(0), rest - 255 * zeros];
    const stream = [0, ...length, ...literals, code, low, high, 0x11, 0, 0];
    const output = decompressLzo1x(Uint8Array.from(stream), 65536);
    const from = literals.length - distance;
    expect(output.subarray(literals.length)).toEqual(literals.slice(from, from + 4));
  });

  it('gives no more than it was asked for when there is room left', () => {
    expect(decompressLzo1x(fromHex(`12 61 ${END}`), 4096)).toEqual(bytesOf('a'));
  });

  it.each([
    ['the input is empty', '', 10],
    ['the first literals are cut off', '15 61 62', 10],
    ['literals are cut off', '01 61 62', 10],
    ['literals behind a copy are cut off', '15 61 62 63 64 6e 00 78', 20],
    ['a long length is cut off', '00 00 00', 4096],
    ['a distance is cut off', '15 61 62 63 64 21 0c', 20],
    ['there is no end marker', '15 61 62 63 64', 20],
    ['the end marker is cut off', '15 61 62 63 64 11 00', 20],
    ['literals do not fit the output', `15 61 62 63 64 ${END}`, 3],
    ['a copy does not fit the output', `15 61 62 63 64 6c 00 ${END}`, 7],
    ['a long length is over any page', `00 ${'00'.repeat(5000)} 01`, 4096],
    ['a copy begins before the output', `12 61 6c 00 ${END}`, 20],
    ['a copy comes before any output', `21 00 00 ${END}`, 20],
    ['a far copy begins before the output', `15 61 62 63 64 1a 00 00 ${END}`, 20],
    ['bytes follow the end marker', `12 61 ${END} 00`, 20],
  ])('throws when %s', (_, hex, size) => {
    expect(() => decompressLzo1x(fromHex(hex), size)).toThrow();
  });

  it.each([0, 1, 2, 3, 4, 17, 18, 19, 238, 239, 4096])('decodes %i equal bytes', (length) => {
    const input = new Uint8Array(length).fill(0x61);
    expect(decompressLzo1x(lzoEncode(input), length)).toEqual(input);
  });

  it('decodes a page that mixes literals and runs', () => {
    expect(decompressLzo1x(lzoEncode(patternPage(7)), 4096)).toEqual(patternPage(7));
  });
});
