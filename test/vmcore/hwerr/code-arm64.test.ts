import { describe, expect, it } from 'vitest';

import { virtAddr } from '../../../src/vmcore/bytes/units.ts';
import { arrayInArm64Code } from '../../../src/vmcore/hwerr/code-arm64.ts';
import { ByteWriter, patched } from '../../support/builders/bytes.ts';
import { arm64Code } from '../../support/builders/machine-code.ts';

const START = virtAddr(0xffffb31b48b01234n);
const ARRAY = 0xffffb31b4a765458n;
const NOP = 0xd503201f;
const word = (value: number): Uint8Array => new ByteWriter().u32(value).toBytes();
const CODE = arm64Code(ARRAY, START);

describe('arrayInArm64Code', () => {
  it.each([
    ['with an atomic add', CODE],
    ['with a loop', arm64Code(ARRAY, START, { atomic: 'ldxr' })],
    ['with instructions between', arm64Code(ARRAY, START, { between: [NOP, 0xaa0003e4] })],
  ])('finds the array %s', (_, code) => {
    expect(arrayInArm64Code(code, START)).toBe(ARRAY);
  });

  it('finds an array before the code', () => {
    const before = START - 0x1234560n;
    expect(arrayInArm64Code(arm64Code(before, START), START)).toBe(before);
  });

  it('reads code at any place of its buffer', () => {
    const buffer = new Uint8Array(CODE.length + 3);
    buffer.set(CODE, 3);
    expect(arrayInArm64Code(buffer.subarray(3), START)).toBe(ARRAY);
  });

  it.each([
    ['its address is overwritten', arm64Code(ARRAY, START, { between: [0xaa0003e1] })],
    ['there is no index', patched(CODE, 16, word(0xaa0103f3))],
    ['the index is not of 16 bytes', patched(CODE, 16, word(0x8b000c33))],
    ['nothing is added to', patched(CODE, 24, word(NOP))],
    ['the add is of 64 bits', patched(CODE, 24, word(0xf822027f))],
    ['the time is not 8 bytes further on', patched(CODE, 32, word(0xf9000a60))],
    ['there is no adrp', patched(CODE, 8, word(NOP))],
    ['it ends before the time', CODE.subarray(0, 30)],
    ['there is none', new Uint8Array(0)],
    ['it is zeros', new Uint8Array(256)],
  ])('gives undefined when %s', (_, code) => {
    expect(arrayInArm64Code(code, START)).toBeUndefined();
  });
});
