import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import {
  type FlattenedSource,
  flattened,
  isFlattened,
} from '../../../src/vmcore/container/flattened.ts';
import { LimitExceeded } from '../../../src/vmcore/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { bytesOf } from '../../support/builders/bytes.ts';
import {
  FIRST_RECORD,
  type FlatOptions,
  type FlatRecord,
  flatStream,
} from '../../support/builders/flattened-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const record = (offset: number, text: string): FlatRecord => ({ offset, bytes: bytesOf(text) });

function opened(records: readonly FlatRecord[], options?: FlatOptions): FlattenedSource {
  return flattened(bytesSource(flatStream(records, options)), DEFAULT_LIMITS);
}

function textOf(source: FlattenedSource, offset = 0, length = source.size): string {
  return String.fromCharCode(...source.read(offset, length));
}

/** The stream cut off so many bytes behind its first record's header. */
function cut(records: readonly FlatRecord[], bytes: number): FlattenedSource {
  const stream = flatStream(records).subarray(0, FIRST_RECORD + bytes);
  return flattened(bytesSource(stream), DEFAULT_LIMITS);
}

describe('flattened', () => {
  it('rearranges records that come in any order', () => {
    const stream = opened([record(6, 'ghi'), record(0, 'abc'), record(3, 'def')]);
    expect(textOf(stream)).toBe('abcdefghi');
    expect(textOf(stream, 2, 5)).toBe('cdefg');
    expect(stream).toMatchObject({ size: 9, ended: true });
  });

  it('lets a later record win when two overlap', () => {
    expect(textOf(opened([record(0, 'abcdef'), record(2, 'XY')]))).toBe('abXYef');
    expect(textOf(opened([record(2, 'XY'), record(0, 'abcdef')]))).toBe('abcdef');
    expect(textOf(opened([record(0, 'abc'), record(0, 'xyz'), record(2, '!')]))).toBe('xy!');
  });

  it('reads gaps as zeros and does not hold them', () => {
    const stream = opened([record(0, 'ab'), record(5, 'cd')]);
    expect(textOf(stream)).toBe('ab\0\0\0cd');
    expect(stream.contains(0, 2)).toBe(true);
    expect(stream.contains(5, 2)).toBe(true);
    expect(stream.contains(1, 2)).toBe(false);
    expect(stream.contains(2, 3)).toBe(false);
    expect(stream.contains(6, 2)).toBe(false);
  });

  it('holds a range that several records make up', () => {
    expect(opened([record(3, 'def'), record(0, 'abc')]).contains(1, 4)).toBe(true);
  });

  it('throws Corrupt (truncated) when the range ends past the rearranged file', () => {
    const stream = opened([record(0, 'abc')]);
    expect(thrownBy(() => stream.read(1, 3))).toMatchObject({ reason: 'truncated' });
  });

  it.each([
    ['there is no end record', opened([record(0, 'abcd')], { ended: false }), 'abcd'],
    ['the end record is cut off', cut([record(0, 'abcd')], 16 + 4 + 15), 'abcd'],
    [
      'a record is cut off in its data',
      cut([record(0, 'abcd'), record(4, 'ef')], 20 + 16 + 1),
      'abcde',
    ],
    [
      'a record is cut off in its header',
      cut([record(0, 'abcd'), record(4, 'ef')], 20 + 8),
      'abcd',
    ],
    ['only the header is there', cut([], 0), ''],
  ])('keeps what is whole and is not ended when %s', (_, stream, text) => {
    expect(textOf(stream)).toBe(text);
    expect(stream.ended).toBe(false);
  });

  it('stops and is not ended when a record is all zeros', () => {
    const stream = opened([record(0, 'abcd'), record(0, ''), record(4, 'ef')]);
    expect(textOf(stream)).toBe('abcd');
    expect(stream.ended).toBe(false);
  });

  it('ends at the end record whatever follows', () => {
    const end: FlatRecord = { offset: -1, size: -1, bytes: new Uint8Array(0) };
    expect(textOf(opened([record(0, 'abcd'), end, record(4, 'ef')]))).toBe('abcd');
  });

  it('cuts a record that claims more than the file has', () => {
    expect(
      textOf(opened([{ offset: 0, bytes: bytesOf('abcd'), size: 1 << 30 }], { ended: false })),
    ).toBe('abcd');
  });

  it.each([
    ['offset is negative', { offset: -5, bytes: bytesOf('a') }],
    ['size is negative', { offset: 0, bytes: bytesOf('a'), size: -2 }],
    ['end is past 2^53', { offset: 2n ** 53n - 1n, bytes: bytesOf('a') }],
  ])('throws Corrupt with its place when the %s', (_, bad) => {
    const error = thrownBy(() => opened([record(0, 'abcd'), bad]));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt' });
    expect(error.at).toBe('record: flattened record at 0x1014');
  });

  it.each([
    ['type', { type: 2 }],
    ['version', { version: 2 }],
  ])('throws Unsupported when its %s is another', (_, options) => {
    expect(thrownBy(() => opened([], options))).toMatchObject({
      tag: 'Unsupported',
      reason: 'unsupported_format',
    });
  });

  it('throws Corrupt (truncated) when the file ends within the header', () => {
    const short = bytesSource(flatStream([]).subarray(0, 20));
    expect(thrownBy(() => flattened(short, DEFAULT_LIMITS)).reason).toBe('truncated');
  });

  it('throws LimitExceeded when there are more records than the limit', () => {
    const stream = bytesSource(flatStream([record(0, 'a'), record(1, 'b'), record(2, 'c')]));
    expect(flattened(stream, { ...DEFAULT_LIMITS, flattenedRecords: 4 }).size).toBe(3);
    expect(() => flattened(stream, { ...DEFAULT_LIMITS, flattenedRecords: 2 })).toThrow(
      LimitExceeded,
    );
  });

  it('gives the file back when its records come in any order', () => {
    const drawn = fc.array(fc.uint8Array({ minLength: 1, maxLength: 9 }), {
      minLength: 1,
      maxLength: 20,
    });
    const shuffled = drawn.chain((parts) => {
      let offset = 0;
      const records = parts.map((bytes): FlatRecord => {
        const at = offset;
        offset += bytes.length;
        return { offset: at, bytes };
      });
      return fc.tuple(
        fc.constant(parts),
        fc.shuffledSubarray(records, { minLength: records.length }),
      );
    });
    fc.assert(
      fc.property(shuffled, ([parts, records]) => {
        const stream = opened(records);
        expect([...stream.read(0, stream.size)]).toEqual(parts.flatMap((part) => [...part]));
        expect(stream.contains(0, stream.size)).toBe(true);
      }),
    );
  });
});

it.each([
  ['makedumpfile\0\0\0\0', true],
  ['makedumpfile\0\x9a\xff\xff', true], // by makedumpfile 1.6.8 of Debian 11
  ['makedumpfile 1.7', false],
  ['makedumpfile', false],
  ['KDUMP   ', false],
])('isFlattened says of %j: %o', (head, expected) => {
  expect(isFlattened(bytesOf(head))).toBe(expected);
});
