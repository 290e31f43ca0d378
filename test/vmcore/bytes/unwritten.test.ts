import { describe, expect, it } from 'vitest';

import { type ByteSource, bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { whyUnwritten, writtenPart } from '../../../src/vmcore/bytes/unwritten.ts';
import { sparseSource } from '../../support/system/faulty-source.ts';

/** Ones, with zeros in `[from, to)`. */
function file(size: number, from: number, to: number): ByteSource {
  return bytesSource(new Uint8Array(size).fill(1).fill(0, from, to));
}

describe('whyUnwritten', () => {
  it.each([
    ['in a block with other bytes', 5000, 5100],
    ['that fill all but one byte of their block', 4097, 8192],
    ['that fill no block, on both sides of its end', 4200, 12_287],
  ])('believes zeros %s', (_, from, to) => {
    expect(whyUnwritten(file(16_384, from, to), 5000, 80)).toBeUndefined();
  });

  it.each([
    ['that fill their block of the file', 4096, 8192],
    ['to the end of the file', 5060, 16_384],
    ['from their last byte to the end', 5079, 16_384],
  ])('doubts zeros %s', (_, from, to) => {
    expect(whyUnwritten(file(16_384, from, to), 5000, 80)).toMatch(/never written$/);
  });

  it('doubts bytes of which some lie in a block of zeros', () => {
    expect(whyUnwritten(file(16_384, 8192, 12_288), 8150, 80)).toMatch(/0x2000 is zero/);
  });

  it('believes the last bytes of a file that are none', () => {
    expect(whyUnwritten(file(5080, 0, 0), 5000, 80)).toBeUndefined();
  });

  it('looks no further than 16 MiB for the end of the zeros', () => {
    const zeros = sparseSource(2 ** 44, new Map([[0, Uint8Array.of(1)]]));
    expect(whyUnwritten(zeros, 8, 80)).toMatch(/nothing but zeros/);
  });

  it('looks at the file that a source is made from', () => {
    const raw = file(16_384, 5000, 16_384);
    const above: ByteSource = {
      ...file(100, 0, 80),
      origin: (offset, length) => ({ file: raw, pieces: [{ offset: 5000 + offset, length }] }),
    };
    expect(whyUnwritten(above, 0, 80)).toMatch(/from 0x13d8 on/);
  });
});

it('whyUnwritten() believes zeros behind bytes up to 16 MiB: a kernel may have tables that nothing used', () => {
  const until = (to: number): ByteSource =>
    sparseSource(2 ** 30, new Map([4096, to].map((at) => [at, Uint8Array.of(1)])));
  expect(whyUnwritten(until(5080 + (16 << 20) - 1), 5000, 80)).toBeUndefined();
  expect(whyUnwritten(until(5080 + (16 << 20)), 5000, 80)).toMatch(/never written$/);
});

describe('writtenPart', () => {
  it.each([0, 1, 4095, 4096, 70_000, 199_000, 995_903])(
    'ends where the zeros begin, at %i',
    (size) => {
      const part = writtenPart(file(1_000_000, size, 1_000_000), 4096);
      expect(part.size).toBe(size);
      expect(part.unwritten).toMatch(/never written$/);
      expect(part.contains(0, size)).toBe(true);
      expect(part.contains(0, size + 1)).toBe(false);
      expect(() => part.read(0, size + 1)).toThrow(`got a file of ${size} bytes`);
      expect(part.read(0, size)).toHaveLength(size);
    },
  );

  it('is the file where no more zeros are at its end than are its own', () => {
    const whole = file(10_000, 5904, 10_000);
    expect(writtenPart(whole, 4096)).toBe(whole);
    expect(writtenPart(whole, 4095).size).toBe(5904);
  });
});
