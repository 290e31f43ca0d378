import { deflateRawSync, deflateSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { inflate } from '../../../src/vmcore/codec/zlib.ts';
import { concat, fromHex, patternPage } from '../../support/builders/bytes.ts';

const page = patternPage(1);

describe('inflate', () => {
  it.each([0, 1, 6, 9])('decodes a page of level %i', (level) => {
    expect(inflate(deflateSync(page, { level }), 4096)).toEqual(page);
  });

  it('gives what there is when the stream is short of the page', () => {
    expect(inflate(deflateSync(page.subarray(0, 10)), 4096)).toHaveLength(10);
  });

  it.each([
    ['expands past its size', deflateSync(page), 4095],
    ['is cut off', deflateSync(page).subarray(0, -5), 4096],
    [
      'has a wrong checksum',
      concat(deflateSync(page).subarray(0, -4), fromHex('00 00 00 00')),
      4096,
    ],
    ['has no zlib header', deflateRawSync(page), 4096],
    ['is empty', new Uint8Array(0), 4096],
  ])('throws when the stream %s', (_, stream, size) => {
    expect(() => inflate(stream, size)).toThrow();
  });

  it('stops at its size when a small stream expands to 16 MiB', () => {
    expect(() => inflate(deflateSync(new Uint8Array(16 << 20)), 65536)).toThrow();
  });
});
