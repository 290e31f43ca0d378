import { describe, expect, it } from 'vitest';

import { bytesSource, inRange, requireRange } from '../../../src/vmcore/bytes/source.ts';
import { fromHex } from '../../support/builders/bytes.ts';
import { thrownBy } from '../../support/system/thrown.ts';

describe('bytesSource', () => {
  const source = bytesSource(fromHex('00 01 02 03'), 'dump');

  it('reads exactly the bytes asked for', () => {
    expect(source.size).toBe(4);
    expect(source.read(1, 2)).toEqual(fromHex('01 02'));
    expect(source.read(0, 4)).toHaveLength(4);
    expect(source.read(4, 0)).toHaveLength(0);
  });

  it('throws Corrupt (truncated) when the range ends past its size', () => {
    const error = thrownBy(() => source.read(3, 2));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
    expect(error.message).toBe('dump: want 2 bytes at 0x3, got a file of 4 bytes');
  });

  it('holds what lies inside it', () => {
    expect(source.contains(0, 4)).toBe(true);
    expect(source.contains(3, 2)).toBe(false);
  });
});

describe('inRange', () => {
  it.each([
    [0, 10, true],
    [10, 0, true],
    [9, 1, true],
    [9, 2, false],
    [11, 0, false],
    [-1, 1, false],
    [1, -1, false],
    [2 ** 53 - 1, 1, false],
  ])('%d bytes long %d, of 10: %o', (offset, length, expected) => {
    expect(inRange(10, offset, length)).toBe(expected);
  });
});

it('requireRange is silent when the range is inside', () => {
  expect(() => {
    requireRange('dump', 10, 5, 5);
  }).not.toThrow();
});
