import { describe, expect, it } from 'vitest';

import { decompressZstd } from '../../../src/vmcore/codec/zstd.ts';
import { fromHex, latin1, patternPage } from '../../support/builders/bytes.ts';
import { zstdEncode } from '../../support/builders/zstd-encoder.ts';

const page = patternPage(7);

/** `zstd -1 --no-check` of patternPage(7), by zstd 1.5: what makedumpfile -z stores. */
const FRAME = fromHex(
  '28b52ffd60000f3d0200c8716167652037207021203837212066656867626171702120001200fce37e01f800c6e0' +
    '800a180e0e280383c0013d303038a002868303cac02070400f0c0c0ea880e1c245152e',
);

/** The same by a frame without a content size and with a checksum: 30 times one line of text. */
const LINE = 'page of a kernel, page of a crash dump.';
const STREAMED = fromHex(
  '28b52ffd04484d0100e870616765206f662061206b65726e656c2c2063726173682064756d702e03005e28f5014e' +
    'e8153cc374744ff1',
);

describe('decompressZstd', () => {
  it('decodes a frame of zstd -1', () => {
    expect(latin1(decompressZstd(FRAME, 4096))).toBe(latin1(page));
  });

  it('decodes a frame that does not tell its size', () => {
    expect(new TextDecoder().decode(decompressZstd(STREAMED, 4096))).toBe(LINE.repeat(30));
  });

  it.each([0, 1, 15, 16, 4096, 65536])('decodes %i equal bytes', (length) => {
    const input = new Uint8Array(length).fill(0x61);
    expect(latin1(decompressZstd(zstdEncode(input), 65536))).toBe(latin1(input));
  });

  it.each([
    ['expands past its size', FRAME, 4095],
    ['is cut off', FRAME.subarray(0, -3), 4096],
    ['has another magic', FRAME.subarray(1), 4096],
    ['has a wrong checksum', STREAMED.slice().fill(0, -4), 4096],
    ['is empty', new Uint8Array(0), 4096],
    ['asks for a window of 128 MiB', fromHex('28b52ffd0088010000'), 4096],
  ])('throws when the frame %s', (_, frame, size) => {
    expect(() => decompressZstd(frame, size)).toThrow();
  });

  it('decodes the next frame when one was broken', () => {
    expect(() => decompressZstd(FRAME.subarray(0, -3), 4096)).toThrow();
    expect(latin1(decompressZstd(FRAME, 4096))).toBe(latin1(page));
  });
});
