import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { HEAD_BYTES, ReadAhead } from '../../../src/decode/remote/read-ahead.ts';
import { Corrupt } from '../../../src/vmcore/index.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const BLOCK = 64 * 1024;
const SIZE = 40 * BLOCK + 123;
const OBJECT = bytesOf(SIZE);

/** Bytes of which no two blocks are the same. */
function bytesOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 32) {
    const digest = createHash('sha256').update(`${at}`).digest();
    bytes.set(digest.subarray(0, Math.min(32, size - at)), at);
  }
  return bytes;
}

interface Asked {
  readonly offset: number;
  readonly length: number;
}

/** A reader, what it asked for, and the most that it waited for at once. */
function readerOf(object: Uint8Array): {
  reader: ReadAhead;
  asked: Asked[];
  most: () => number;
} {
  const asked: Asked[] = [];
  const open = new Set<number>();
  let most = 0;
  const reader = new ReadAhead(object.length, object.slice(0, HEAD_BYTES), {
    ask(offset, length): number {
      asked.push({ offset, length });
      open.add(asked.length - 1);
      most = Math.max(most, open.size);
      return asked.length - 1;
    },
    take(request): Uint8Array {
      expect(open.delete(request)).toBe(true);
      const { offset, length } = asked[request]!;
      return object.slice(offset, offset + length);
    },
  });
  return { reader, asked, most: () => most };
}

describe('ReadAhead', () => {
  it('gives the bytes of the object, whatever is read in whatever order', () => {
    const ranges = fc.array(
      fc.tuple(fc.nat(SIZE), fc.oneof(fc.nat(5000), fc.nat(SIZE))).map(([offset, wanted]) => ({
        offset,
        length: Math.min(wanted, SIZE - offset),
      })),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(ranges, (reads) => {
        const { reader, asked, most } = readerOf(OBJECT);
        for (const { offset, length } of reads) {
          const got = Buffer.from(reader.read(offset, length));
          expect(got.equals(OBJECT.subarray(offset, offset + length))).toBe(true);
        }
        expect(most()).toBeLessThanOrEqual(5);
        for (const { offset, length } of asked) {
          expect(length).toBeGreaterThan(0);
          expect(offset + length).toBeLessThanOrEqual(SIZE);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('asks for nothing that came with the head', () => {
    const { reader, asked } = readerOf(OBJECT);
    reader.read(100, BLOCK - 100);
    expect(asked).toEqual([]);
  });

  it('asks for one block where it reads here and there', () => {
    const { reader, asked } = readerOf(OBJECT);
    for (const block of [9, 30, 5, 20, 9]) reader.read(block * BLOCK + 7, 100);
    expect(asked).toEqual(
      [9, 30, 5, 20].map((block) => ({ offset: block * BLOCK, length: BLOCK })),
    );
  });

  it('asks once for a range of several blocks', () => {
    const { reader, asked } = readerOf(OBJECT);
    reader.read(9 * BLOCK + 5, 3 * BLOCK);
    expect(asked).toEqual([{ offset: 9 * BLOCK, length: 4 * BLOCK }]);
  });

  it('asks for more and more, and ahead, where it reads on', () => {
    const object = new Uint8Array(1024 * BLOCK);
    const { reader, asked, most } = readerOf(object);
    for (let at = 0; at < object.length; at += 1000) {
      reader.read(at, Math.min(1000, object.length - at));
    }
    expect(asked.length).toBeLessThan(80);
    expect(asked.reduce((sum, { length }) => sum + length, 0)).toBe(object.length - BLOCK);
    expect(most()).toBe(4);
  });

  it('keeps 8 MiB', () => {
    const { reader, asked } = readerOf(new Uint8Array(400 * BLOCK));
    for (let block = 399; block > 0; block--) reader.read(block * BLOCK, 1);
    const before = asked.length;
    reader.read(100 * BLOCK, 1);
    expect(asked.length).toBe(before);
    reader.read(300 * BLOCK, 1);
    expect(asked.length).toBe(before + 1);
  });

  it('calls what is past the end truncated', () => {
    const { reader, asked } = readerOf(OBJECT);
    const error = thrownBy(() => reader.read(SIZE - 10, 11));
    expect(error).toBeInstanceOf(Corrupt);
    expect(error).toMatchObject({ reason: 'truncated' });
    expect(asked).toEqual([]);
  });
});
