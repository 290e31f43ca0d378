import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import { decompressLzo1x } from '../../src/vmcore/codec/lzo1x.ts';
import { concat, fromHex, latin1 } from '../support/builders/bytes.ts';
import { lzoEncode } from '../support/builders/lzo-encoder.ts';

/** Pages as they are: runs, repeated short words, noise. */
const page = fc
  .array(
    fc.oneof(
      fc.tuple(fc.nat(255), fc.nat(600)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
      fc.uint8Array({ maxLength: 40 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => concat(...parts));

/** The end marker makes many more of the drawn streams valid to their end. */
const stream = fc
  .tuple(fc.uint8Array({ maxLength: 200 }), fc.boolean())
  .map(([bytes, ended]) => (ended ? concat(bytes, fromHex('110000')) : bytes));

function decodedOrError(input: Uint8Array, size: number): Uint8Array | Error {
  try {
    return decompressLzo1x(input, size);
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error('threw something that is no Error', { cause: error });
  }
}

describe('decompressLzo1x', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(page, (bytes) => {
        expect(latin1(decompressLzo1x(lzoEncode(bytes), bytes.length))).toBe(latin1(bytes));
      }),
    );
  });

  it('needs all the room that was encoded', () => {
    fc.assert(
      fc.property(page, (bytes) => {
        fc.pre(bytes.length > 0);
        expect(decodedOrError(lzoEncode(bytes), bytes.length - 1)).toBeInstanceOf(Error);
      }),
    );
  });

  it('gives at most `size` bytes or throws a plain Error when its input is anything', () => {
    fc.assert(
      fc.property(stream, fc.nat(5000), (input, size) => {
        const result = decodedOrError(input, size);
        if (result instanceof Error) expect(result).not.toBeInstanceOf(RangeError);
        else expect(result.length).toBeLessThanOrEqual(size);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives at most `size` bytes or throws when one byte of a stream changed', () => {
    fc.assert(
      fc.property(page, fc.nat(), fc.nat(255), (bytes, at, value) => {
        const input = lzoEncode(bytes);
        input[at % input.length] = value;
        const result = decodedOrError(input, 4096);
        if (!(result instanceof Error)) expect(result.length).toBeLessThanOrEqual(4096);
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on what lies around its input', () => {
    fc.assert(
      fc.property(stream, fc.uint8Array({ maxLength: 20 }), (input, around) => {
        const inside = concat(around, input, around).subarray(around.length);
        const alone = decodedOrError(input, 4096);
        const within = decodedOrError(inside.subarray(0, input.length), 4096);
        if (alone instanceof Error) expect(within).toBeInstanceOf(Error);
        else expect(within).toEqual(alone);
      }),
    );
  });

  it('stays within the cost of its output when a stream claims lengths without end', () => {
    const zeros = new Uint8Array(1 << 20);
    const start = process.cpuUsage();
    for (let i = 0; i < 100; i++) expect(decodedOrError(zeros, 4096)).toBeInstanceOf(Error);
    expect(process.cpuUsage(start).user).toBeLessThan(1_000_000); // microseconds
  });
});
