import { describe, expect, it } from 'vitest';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { type ElfHeader, isElf, readElfHeader } from '../../../src/vmcore/elf/elf-header.ts';
import { LimitExceeded } from '../../../src/vmcore/errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/vmcore/limits.ts';
import {
  BYTE_ORDERS,
  ByteWriter,
  bytesOf,
  orderName,
  patched,
} from '../../support/builders/bytes.ts';
import { type ElfRecipe, elfCore, phnumOffset } from '../../support/builders/elf-core-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

const SEGMENTS: ElfRecipe['segments'] = [
  { physical: 0x1000, virtual: 0xc0001000, bytes: bytesOf('first'), memorySize: 0x2000 },
  { type: 4, physical: 0, bytes: bytesOf('note') },
  { physical: 0x8000, bytes: bytesOf('second') },
];

function read(bytes: Uint8Array, limits: Limits = DEFAULT_LIMITS): ElfHeader {
  return readElfHeader(bytesSource(bytes), limits);
}

function physicals({ segments }: ElfHeader): bigint[] {
  return [...segments()].map(({ physical }) => physical);
}

describe.each(BYTE_ORDERS.map((order) => [orderName(order), order] as const))(
  'readElfHeader of a %s core',
  (_, order) => {
    const build = (recipe: Partial<ElfRecipe> = {}): Uint8Array =>
      elfCore({ order, machine: 62, segments: SEGMENTS, ...recipe });

    it('gives machine, flags and segments', () => {
      const bytes = build({ flags: 5 });
      const header = read(bytes);
      expect(header).toMatchObject({ order, machine: 62, flags: 5 });
      const segments = [...header.segments()];
      expect(segments.map(({ type }) => type)).toEqual([1, 4, 1]);
      expect(segments[0]).toEqual({
        type: 1,
        offset: BigInt(bytes.length - 20), // the bytes of three segments, padded to 4
        virtual: 0xc0001000n,
        physical: 0x1000n,
        fileSize: 5n,
        memorySize: 0x2000n,
      });
    });

    it.each([192, 4096])('finds the program headers by e_phoff when they are at %i', (at) => {
      expect(physicals(read(build({ programHeadersAt: at })))).toEqual([0x1000n, 0n, 0x8000n]);
    });

    it('steps by e_phentsize when entries are longer than it knows', () => {
      expect(physicals(read(build({ extraStride: 24 })))).toEqual([0x1000n, 0n, 0x8000n]);
    });

    it('takes the number of segments from section 0 when e_phnum is PN_XNUM', () => {
      expect(physicals(read(build({ extendedNumbering: true })))).toEqual([0x1000n, 0n, 0x8000n]);
    });

    it('throws Corrupt when e_phnum is PN_XNUM and there is no section', () => {
      const phnum = new ByteWriter(order).u16(0xffff).toBytes();
      const error = thrownBy(() => read(patched(build(), phnumOffset(order), phnum)));
      expect(error).toMatchObject({ tag: 'Corrupt', at: 'elf header: e_shoff' });
    });

    it('throws truncated when e_phnum is PN_XNUM and section 0 was never written', () => {
      const file = build({ extendedNumbering: true });
      const section = order.wordBits === 64 ? 64 + 3 * 56 : 52 + 3 * 32;
      const error = thrownBy(() => read(Uint8Array.from(file).fill(0, section, section + 64)));
      expect(error).toMatchObject({ tag: 'Corrupt', reason: 'truncated' });
      expect(error.message).toContain('never written');
    });

    it('throws Corrupt when e_phentsize is too small', () => {
      const stride = new ByteWriter(order).u16(8).toBytes();
      const error = thrownBy(() => read(patched(build(), phnumOffset(order) - 2, stride)));
      expect(error).toMatchObject({ tag: 'Corrupt', at: 'elf header: e_phentsize' });
    });

    it('throws LimitExceeded before it reads more segments than the limit', () => {
      const limits = { ...DEFAULT_LIMITS, segments: 2 };
      expect(() => read(build(), limits)).toThrow(LimitExceeded);
      expect(() => read(build({ extendedNumbering: true }), limits)).toThrow(LimitExceeded);
    });

    it.each([
      ['program headers', 80],
      ['ELF header', 40],
    ])('throws Corrupt (truncated) when the file ends in its %s', (_, length) => {
      expect(thrownBy(() => read(build().subarray(0, length))).reason).toBe('truncated');
    });

    it('gives no segments when there are none', () => {
      expect([...read(build({ segments: [] })).segments()]).toEqual([]);
    });
  },
);

describe('readElfHeader', () => {
  const core = elfCore({ segments: SEGMENTS });

  it.each([
    ['relocatable', 1],
    ['executable', 2],
    ['shared', 3],
  ])('throws Unsupported when the file is %s', (_, type) => {
    const error = thrownBy(() => read(elfCore({ type, segments: [] })));
    expect(error).toMatchObject({ tag: 'Unsupported', reason: 'unsupported_format' });
    expect(error.message).toBe(`elf header: e_type: got ${type}, want 4 (core)`);
  });

  it.each([
    ['EI_CLASS', 4, 3],
    ['EI_CLASS', 4, 0],
    ['EI_DATA', 5, 3],
    ['EI_DATA', 5, 0],
  ])('throws Corrupt when %s, at %i, is %i', (field, offset, value) => {
    const error = thrownBy(() => read(patched(core, offset, Uint8Array.of(value))));
    expect(error).toMatchObject({ tag: 'Corrupt', reason: 'corrupt', at: `elf header: ${field}` });
  });

  it('throws Corrupt when e_phoff is 2^53 or more', () => {
    const far = new ByteWriter().u64(2n ** 53n).toBytes();
    expect(thrownBy(() => read(patched(core, 32, far))).message).toContain('e_phoff');
  });
});

it('isElf looks at the magic only', () => {
  expect(isElf(bytesOf('\x7fELF'))).toBe(true);
  expect(isElf(bytesOf('\x7fELE'))).toBe(false);
  expect(isElf(bytesOf('\x7fEL'))).toBe(false);
});
