import { describe, expect, it } from 'vitest';

import { type ByteOrder, Cursor, limited } from '../../../src/vmcore/bytes/cursor.ts';
import { Corrupt, LimitExceeded } from '../../../src/vmcore/errors.ts';
import {
  BE32,
  BE64,
  BYTE_ORDERS,
  ByteWriter,
  LE32,
  LE64,
  fromHex,
  orderName,
} from '../../support/builders/bytes.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const BYTES = fromHex('80 01 02 03 04 05 06 87 11 22');

function cursor(order: ByteOrder = LE64, bytes = BYTES): Cursor {
  return new Cursor(bytes, order, 'thing', 0x1000);
}

describe('Cursor', () => {
  it.each([
    ['u8', 0x80, 0x80],
    ['u16', 0x0180, 0x8001],
    ['u32', 0x03020180, 0x80010203],
    ['i32', 0x03020180, 0x80010203 - 2 ** 32],
    ['u64', 0x8706050403020180n, 0x8001020304050687n],
    ['i64', 0x8706050403020180n - 2n ** 64n, 0x8001020304050687n - 2n ** 64n],
  ] as const)('%s reads in the byte order of the machine', (method, little, big) => {
    expect(cursor(LE64)[method]()).toBe(little);
    expect(cursor(BE64)[method]()).toBe(big);
  });

  it.each([
    [LE64, 0x8706050403020180n],
    [BE64, 0x8001020304050687n],
    [LE32, 0x03020180n],
    [BE32, 0x80010203n],
  ])('word is as wide as a pointer when the machine is %o', (order, value) => {
    const c = cursor(order);
    expect(c.word()).toBe(value);
    expect(c.position).toBe(order.wordBits / 8);
  });

  it('reads one field after the other and says how much is left', () => {
    const c = cursor();
    expect([c.u8(), c.u16(), c.skip(2).u8(), c.position, c.remaining]).toEqual([
      0x80, 0x0201, 5, 6, 4,
    ]);
    expect(c.seek(8).u16()).toBe(0x2211);
    expect(c.remaining).toBe(0);
  });

  it('gives bytes as a view, not as a copy', () => {
    const bytes = BYTES.slice();
    const part = cursor(LE64, bytes).skip(1).bytes(3);
    bytes[1] = 0xff;
    expect(part).toEqual(fromHex('ff 02 03'));
  });

  it('reads from where its bytes begin when they are part of a larger buffer', () => {
    expect(cursor(LE64, BYTES.subarray(2)).u16()).toBe(0x0302);
  });

  it.each([
    ['u8', 1],
    ['u16', 2],
    ['u32', 4],
    ['i32', 4],
    ['u64', 8],
    ['i64', 8],
    ['word', 8],
  ] as const)('%s throws Corrupt (truncated) when one of its bytes is missing', (method, size) => {
    const error = thrownBy(() => cursor(LE64, new Uint8Array(size - 1))[method]());
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated', at: 'thing at 0x1000' });
    expect(error.message).toBe(`thing at 0x1000: want ${size} bytes, got ${size - 1}`);
  });

  it.each([11, -1])('bytes throws Corrupt (truncated) when asked for %i of 10', (length) => {
    expect(() => cursor().bytes(length)).toThrow(Corrupt);
  });

  it('throws Corrupt (truncated) when it was moved past the end', () => {
    expect(thrownBy(() => cursor().seek(12).u8()).message).toBe(
      'thing at 0x100c: want 1 bytes, got 0',
    );
    expect(() => cursor().skip(7).u32()).toThrow(Corrupt);
  });

  it('stays where it was when a read fails', () => {
    const c = cursor().seek(9);
    expect(() => c.u32()).toThrow();
    expect(c.u8()).toBe(0x22);
  });

  describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
    '%s',
    (_, order) => {
      const written = (value: bigint): Cursor =>
        cursor(order, new ByteWriter(order).u64(value).toBytes());

      it('size64 takes lengths up to 2^53 - 1', () => {
        expect(written(2n ** 53n - 1n).size64('e_thing')).toBe(2 ** 53 - 1);
      });

      it('size64 throws Corrupt with the field and its place when the length is 2^53', () => {
        const error = thrownBy(() => written(2n ** 53n).size64('e_thing'));
        expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
        expect(error.message).toBe(
          'thing: e_thing at 0x1000: got 0x20000000000000, want less than 2^53',
        );
      });
    },
  );

  it('size reads a word, and throws Corrupt when it is 2^53 or more', () => {
    expect(cursor(BE32).size('e_thing')).toBe(0x80010203);
    expect(() => cursor(LE64).size('e_thing')).toThrow(Corrupt);
  });

  it('corrupt names the field just read', () => {
    const c = cursor().skip(4);
    c.u32();
    expect(c.corrupt('flags', '7', '0 or 1', 4)).toMatchObject({
      reason: 'corrupt',
      message: 'thing: flags at 0x1004: got 7, want 0 or 1',
    });
  });

  it('names an address as its base when it reads memory', () => {
    const c = new Cursor(new Uint8Array(0), LE64, 'array', 0xffff_0000n);
    expect(() => c.u8()).toThrow('array at 0xffff0000: want 1 bytes, got 0');
  });
});

describe('limited', () => {
  it('returns the count when it is at the limit', () => {
    expect(limited('e_phnum', 8, 8)).toBe(8);
  });

  it.each([9, NaN])('throws LimitExceeded with both numbers when the count is %d', (count) => {
    const error = thrownBy(() => limited('e_phnum', count, 8));
    expect(error).toBeInstanceOf(LimitExceeded);
    expect(error.message).toBe(`e_phnum: got ${count}, limit 8`);
  });
});
