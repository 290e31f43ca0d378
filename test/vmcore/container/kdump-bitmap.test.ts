import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { KdumpBitmap, countBits } from '../../../src/vmcore/container/kdump-bitmap.ts';
import { fromHex } from '../../support/builders/bytes.ts';
import { recordingSource, sparseSource } from '../../support/system/faulty-source.ts';

const OFFSET = 3; // odd on purpose: nothing aligns a bitmap

function bitmapOf(bytes: Uint8Array): KdumpBitmap {
  const file = new Uint8Array(OFFSET + bytes.length + 7).fill(0xff);
  file.set(bytes, OFFSET);
  return new KdumpBitmap(bytesSource(file), { offset: OFFSET, length: bytes.length });
}

function naiveRank(bytes: Uint8Array, pfn: number): number {
  let count = 0;
  for (let i = 0; i < Math.min(pfn, bytes.length * 8); i++)
    count += (bytes[i >> 3]! >> (i & 7)) & 1;
  return count;
}

describe('KdumpBitmap', () => {
  it('has bit n in byte n>>3, mask 1<<(n&7)', () => {
    const bitmap = bitmapOf(fromHex('01 80 00 42'));
    const set = Array.from({ length: 32 }, (_, pfn) => pfn).filter((pfn) => bitmap.has(pfn));
    expect(set).toEqual([0, 15, 25, 30]);
  });

  it('has no page past its end, though the file goes on', () => {
    const bitmap = bitmapOf(fromHex('ff'));
    expect(bitmap.has(7)).toBe(true);
    expect(bitmap.has(8)).toBe(false);
    expect(bitmap.rank(1000)).toBe(8);
    expect([...bitmap.set(0, 1000)]).toHaveLength(8);
  });

  it('is held where its byte is in the file', () => {
    const bitmap = new KdumpBitmap(bytesSource(new Uint8Array(10)), { offset: 8, length: 4 });
    expect(bitmap.isInFile(15)).toBe(true);
    expect(bitmap.isInFile(16)).toBe(false);
  });

  it('ranks and lists like a naive count when bits are anything', () => {
    const drawn = fc.tuple(
      fc.constantFrom(1, 7, 4095, 4096, 4097, 8192, 12_293),
      fc.infiniteStream(fc.oneof(fc.constant(0), fc.constant(0xff), fc.nat(255))),
      fc.array(fc.nat(13_000 * 8), { minLength: 1, maxLength: 8 }),
    );
    fc.assert(
      fc.property(drawn, ([length, stream, pfns]) => {
        const bytes = Uint8Array.from({ length }, () => Number(stream.next().value));
        const bitmap = bitmapOf(bytes);
        for (const pfn of pfns) expect(bitmap.rank(pfn)).toBe(naiveRank(bytes, pfn));
        const from = pfns[0]!;
        const listed = [...bitmap.set(from, from + 100)];
        const wanted = Array.from({ length: 100 }, (_, i) => from + i).filter((p) => bitmap.has(p));
        expect(listed).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });

  it('ranks the very end', () => {
    const bytes = new Uint8Array(8192).fill(0xff);
    expect(bitmapOf(bytes).rank(8192 * 8)).toBe(8192 * 8);
  });

  it('lists pages beyond 2^31, which no 32-bit arithmetic reaches', () => {
    const far = 2 ** 31 + 2 ** 20;
    const source = sparseSource(2 ** 30, new Map([[far / 8, fromHex('02')]]));
    const bitmap = new KdumpBitmap(source, { offset: 0, length: 2 ** 30 });
    expect([...bitmap.set(2 ** 31, far + 1000)]).toEqual([far + 1]);
    expect(bitmap.has(far + 1)).toBe(true);
  });

  it('reads no further than the page asked for, and each part once', () => {
    const source = recordingSource(new Uint8Array(1 << 20).fill(0xff));
    const bitmap = new KdumpBitmap(source, { offset: 0, length: 1 << 20 });
    expect(bitmap.rank(300_000 * 8)).toBe(300_000 * 8);
    const end = Math.max(...source.log.map(([offset, length]) => offset + length));
    expect(end).toBeLessThan(300_000 + 3 * 4096);
    const before = source.log.length;
    bitmap.rank(299_000 * 8);
    bitmap.rank(200_000 * 8);
    expect(source.log.length - before).toBeLessThanOrEqual(2);
  });
});

it.each(['', '00', 'ff', '01 80', 'ff ff ff ff', 'ff 00 ff 00 01', '80 00 00 01 80 00 00 01 03'])(
  'countBits counts the bits of %j wherever it lies in its buffer',
  (hex) => {
    const bytes = fromHex(hex);
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(shift + bytes.length);
      moved.set(bytes, shift);
      expect(countBits(moved.subarray(shift))).toBe(naiveRank(bytes, bytes.length * 8));
    }
  },
);

describe('a bitmap of few pages', () => {
  const length = 64 << 20;
  const last = 8 * length - 1;

  it.each([
    ['counted', 'listed', ['rank', 'set']],
    ['listed', 'counted', ['set', 'rank']],
    ['listed', 'listed again', ['set', 'set']],
  ] as const)('is read once when it is %s and then %s', (_first, _then, calls) => {
    const inner = sparseSource(length, new Map([[length - 1, Uint8Array.of(0x80)]]));
    let bytesRead = 0;
    const read = (offset: number, size: number): Uint8Array => {
      bytesRead += size;
      return inner.read(offset, size);
    };
    const bitmap = new KdumpBitmap({ ...inner, read }, { offset: 0, length });
    for (const call of calls) {
      if (call === 'rank') expect(bitmap.rank(8 * length)).toBe(1);
      else expect([...bitmap.set(0, 8 * length)]).toEqual([last]);
    }
    expect(bytesRead).toBeLessThan(1.02 * length);
  });

  it('has none past the end of its file, however far it should go', () => {
    const bitmap = new KdumpBitmap(bytesSource(fromHex('01 02')), { offset: 0, length });
    expect([...bitmap.set(0, 8 * length)]).toEqual([0, 9]);
    expect(bitmap.rank(8 * length)).toBe(2);
  });
});
