import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';

import { bytesSource } from '../../../src/vmcore/bytes/source.ts';
import { physAddr } from '../../../src/vmcore/bytes/units.ts';
import type { ContainedDump } from '../../../src/vmcore/container/dump.ts';
import { openElfCore } from '../../../src/vmcore/container/elf-core.ts';
import { flattened } from '../../../src/vmcore/container/flattened.ts';
import { DEFAULT_LIMITS } from '../../../src/vmcore/limits.ts';
import { BYTE_ORDERS, bytesOf, concat, patternPage } from '../../support/builders/bytes.ts';
import {
  type ElfRecipe,
  type ElfSegment,
  elfCore,
} from '../../support/builders/elf-core-builder.ts';
import { flatRecords, flatStream } from '../../support/builders/flattened-builder.ts';
import { noteBytes } from '../../support/builders/notes-builder.ts';
import { thrownBy } from '../../support/system/thrown.ts';

function open(recipe: ElfRecipe, end?: number): ContainedDump {
  return openElfCore(bytesSource(elfCore(recipe).subarray(0, end)), DEFAULT_LIMITS);
}

function textAt({ memory }: ContainedDump, address: number | bigint, length: number): string {
  return String.fromCharCode(...memory.read(physAddr(address), length));
}

function reasonAt({ memory }: ContainedDump, address: number | bigint, length = 1): string {
  const error = thrownBy(() => memory.read(physAddr(address), length));
  expect(error.tag).toBe('PageMissing');
  return error.reason;
}

const segment = (physical: number | bigint, text: string, more = {}): ElfSegment => ({
  physical,
  bytes: bytesOf(text),
  ...more,
});

describe('memory of an ELF core', () => {
  it('reads across segments that touch', () => {
    const dump = open({ segments: [segment(0x1004, 'efgh'), segment(0x1000, 'abcd')] });
    expect(textAt(dump, 0x1001, 6)).toBe('bcdefg');
  });

  it('reads a range that two segments hold', () => {
    // /proc/vmcore: the kernel's text, and the RAM that it lies in.
    const dump = open({ segments: [segment(0x1002, 'cd'), segment(0x1000, 'abcdef')] });
    expect(textAt(dump, 0x1000, 6)).toBe('abcdef');
    expect(textAt(dump, 0x1002, 2)).toBe('cd');
  });

  it.each([
    ['program headers', 64],
    ['notes', 64 + 2 * 56],
    ['notes, in part', 64 + 2 * 56 - 8],
  ])('is none where the file has %s', (_, offset) => {
    const notes = noteBytes([{ name: 'CORE\0', type: 1, desc: new Uint8Array(336) }]);
    const dump = open({ notes, segments: [segment(0x1000, 'damaged', { offset, fileSize: 100 })] });
    const error = thrownBy(() => dump.memory.read(physAddr(0x1000), 80));
    expect(error.message).toContain('got program headers or notes, want memory');
    expect(error.reason).toBe('corrupt');
  });

  it('is doubted in a segment that reaches into the next one, wherever it is read', () => {
    const pages = ['a', 'b', 'c'].map((letter) => letter.repeat(4096));
    const at = (i: number): number => 64 + 3 * 56 + 4096 * i;
    const opened = (offset: number): ContainedDump =>
      open({
        segments: pages.map((text, i) =>
          segment(0x1000 * (2 * i + 1), text, i === 1 ? { offset } : { offset: at(i) }),
        ),
      });
    const doubtAt = (dump: ContainedDump, address: number): string | undefined =>
      dump.memory.whyUnwritten(physAddr(address), 80);
    expect([0x1000, 0x3000, 0x5000].map((address) => doubtAt(opened(at(1)), address))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const moved = opened(at(1) + 0x80);
    expect(doubtAt(moved, 0x1000)).toBeUndefined();
    expect(doubtAt(moved, 0x3000)).toContain('overlaps another one');
    expect(doubtAt(moved, 0x5800)).toContain('overlaps another one');
  });

  it('is doubted in a segment whose pages lie otherwise in the file than those of the others', () => {
    const pages = ['a', 'b', 'c'].map((letter) => letter.repeat(4096));
    const opened = (address: number): ContainedDump =>
      open({
        segments: pages.map((text, i) => segment(i === 1 ? address : 0x1000 * (2 * i + 1), text)),
      });
    const doubts = (dump: ContainedDump, address: number): boolean =>
      dump.memory.whyUnwritten(physAddr(address), 80) !== undefined;
    expect(doubts(opened(0x3000), 0x3080)).toBe(false);
    const moved = opened(0x3010);
    expect([0x1000, 0x3080, 0x5000].map((address) => doubts(moved, address))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('is believed on either side of a range of RAM that ends in a page, as of makedumpfile -E', () => {
    const page = 'a'.repeat(4096);
    const texts = [page, 'b'.repeat(0xc00), page, page];
    const { memory } = open({ segments: texts.map((text, i) => segment(0x2000 * i, text)) });
    const doubts = [0x80, 0x4080, 0x6080].map((at) => memory.whyUnwritten(physAddr(at), 80));
    expect(doubts).toEqual([undefined, undefined, undefined]);
  });

  it('takes what the file holds where one of two segments is cut off', () => {
    const segments = [segment(0x1002, 'cdef'), segment(0x1000, 'abcdefgh')];
    const cut = open({ segments }, -5);
    expect(textAt(cut, 0x1000, 6)).toBe('abcdef');
    expect(textAt(cut, 0x1003, 2)).toBe('de');
    expect(reasonAt(cut, 0x1000, 7)).toBe('page_lost');
    expect(cut.incomplete).toBe(true);
  });

  it.each([
    ['earlier', 'ab\0\0ef\0\0', 'abcdefgh'],
    ['later', 'abcdefgh', '\0\0\0\0\0\0\0\0'],
  ])('takes what was written where the %s of two segments has zeros instead', (_, one, other) => {
    const dump = open({ segments: [segment(0x1000, one), segment(0x1000, other)] });
    expect(textAt(dump, 0x1000, 8)).toBe('abcdefgh');
  });

  it('takes the later of two segments that differ otherwise', () => {
    const dump = open({ segments: [segment(0x1000, 'abcd'), segment(0x1000, 'aBc\0')] });
    expect(textAt(dump, 0x1000, 4)).toBe('aBc\0');
  });

  it('is doubted where two segments differ in bytes that are no zeros, and nowhere else', () => {
    const dump = open({ segments: [segment(0x1000, 'abcdefgh'), segment(0x1000, 'abc\0EFgh')] });
    const doubt = (address: number, length: number): string | undefined =>
      dump.memory.whyUnwritten(physAddr(address), length);
    expect(doubt(0x1004, 2)).toContain('segments have different bytes at 0x1004');
    expect(doubt(0x1000, 8)).toContain('different bytes');
    expect([doubt(0x1000, 4), doubt(0x1006, 2)]).toEqual([undefined, undefined]);
  });

  it('takes 65,536 segments of one page for one', () => {
    const page = { bytes: bytesOf('espfix'), physical: 0x1000, offset: 64 + 56 * 65_681 + 64 };
    const espfix = Array.from({ length: 65_536 }, (_, i) => ({
      ...page,
      virtual: 0xffffff0000000000n + BigInt(i << 16),
      bytes: new Uint8Array(0),
      fileSize: 6,
    }));
    const others = Array.from({ length: 144 }, (_, i) => segment(0x100000 + i * 4096, 'other'));
    const dump = open({ extendedNumbering: true, segments: [page, ...others, ...espfix] });
    expect(textAt(dump, 0x1000, 6)).toBe('espfix');
    expect(textAt(dump, 0x101000, 5)).toBe('other');
  });

  it('reads addresses beyond 4 GiB', () => {
    expect(textAt(open({ segments: [segment(0x12_3456_7000, 'far')] }), 0x12_3456_7000, 3)).toBe(
      'far',
    );
  });

  it('has page_excluded where no segment is', () => {
    const dump = open({ segments: [segment(0x1000, 'abcd')] });
    expect(reasonAt(dump, 0x0fff, 2)).toBe('page_excluded');
    expect(reasonAt(dump, 0x1004)).toBe('page_excluded');
    expect(reasonAt(dump, 0x1002, 3)).toBe('page_excluded');
    expect(reasonAt(dump, 2n ** 63n)).toBe('page_excluded');
  });

  it('has page_excluded past p_filesz: zero and filtered pages look alike there', () => {
    const dump = open({ segments: [segment(0x1000, 'abcd', { memorySize: 8 })] });
    expect(textAt(dump, 0x1000, 4)).toBe('abcd');
    expect(reasonAt(dump, 0x1002, 4)).toBe('page_excluded');
    expect(reasonAt(dump, 0x1004)).toBe('page_excluded');
  });

  it.each([
    ['p_offset is -1 and p_filesz 0', { physical: 0x1000, offset: -1, memorySize: 4096 }],
    ['p_offset and p_filesz are -1', { physical: 0x1000, offset: -1, fileSize: -1 }],
    ['p_paddr is unknown', { physical: -1, offset: 64, fileSize: 16 }],
  ])('passes over a segment when %s', (_, odd) => {
    const dump = open({ segments: [odd, segment(0x9000, 'abcd')] });
    expect(textAt(dump, 0x9000, 4)).toBe('abcd');
    expect(reasonAt(dump, 0x1000)).toBe('page_excluded');
    expect(dump.incomplete).toBe(false);
  });

  it('passes over a segment of another type', () => {
    expect(reasonAt(open({ segments: [segment(0x1000, 'abcd', { type: 6 })] }), 0x1000)).toBe(
      'page_excluded',
    );
  });

  it('has page_lost past the end of the file, and is incomplete', () => {
    const dump = open({ segments: [segment(0x1000, 'abcd'), segment(0x2000, 'efgh')] }, -2);
    expect(dump.incomplete).toBe(true);
    expect(textAt(dump, 0x2000, 2)).toBe('ef');
    expect(reasonAt(dump, 0x2001, 2)).toBe('page_lost');
    expect(textAt(dump, 0x1000, 4)).toBe('abcd');
  });

  it('has page_lost in a hole of a flattened stream', () => {
    const file = elfCore({ segments: [segment(0x1000, 'x'.repeat(64)), segment(0x2000, 'end')] });
    const records = flatRecords(file, 16);
    const holed = flatStream(records.filter((_, i) => i !== records.length - 3));
    const dump = openElfCore(flattened(bytesSource(holed), DEFAULT_LIMITS), DEFAULT_LIMITS);
    expect(textAt(dump, 0x2000, 3)).toBe('end');
    expect(reasonAt(dump, 0x1000, 64)).toBe('page_lost');
  });
});

describe('findPages of an ELF core', () => {
  const isText = (head: Uint8Array): boolean => head[0] === 0x74 && head[1] === 0x65;
  const found = (dump: ContainedDump): number[] =>
    [...dump.memory.findPages('text', isText)].map(Number);
  const pages = (...texts: readonly string[]): Uint8Array =>
    concat(...texts.map((text) => concat(bytesOf(text), new Uint8Array(4096 - text.length))));

  it('looks at the start of every page', () => {
    const bytes = pages('text', 'none', 'text', '.text');
    expect(found(open({ segments: [{ physical: 0x10000, bytes }] }))).toEqual([0x10000, 0x12000]);
  });

  it('looks at pages of memory, not of the segment, when it begins within a page', () => {
    const bytes = pages('text', 'text').subarray(0x800);
    expect(found(open({ segments: [{ physical: 0x10800, bytes }] }))).toEqual([0x11000]);
  });

  it('looks past the first MiB', () => {
    const bytes = concat(new Uint8Array((2 << 20) + 4096), pages('text'));
    expect(found(open({ segments: [{ physical: 0, bytes }] }))).toEqual([(2 << 20) + 4096]);
  });

  it('looks at each byte of the file once, however many segments claim it', () => {
    const bytes = new Uint8Array(1 << 20);
    const nested = Array.from({ length: 5000 }, (_, i) => ({
      physical: 4096 * i,
      offset: 4096 + 16 * i,
      fileSize: bytes.length - 32 * i,
    }));
    let looks = 0;
    const { memory } = open({ segments: [{ physical: 0, bytes }, ...nested] });
    for (const page of memory.findPages('text', () => (looks++, false))) expect(page).toBe(0);
    expect(looks).toBeLessThan(2 * (bytes.length / 4096) + nested.length / 16);
  });

  it('stops where the file ends', () => {
    const bytes = pages('text', 'text', 'text');
    const recipe = { segments: [{ physical: 0x10000, bytes }] };
    expect(found(open(recipe, -5000))).toEqual([0x10000, 0x11000]);
    expect(found(open(recipe, -4090))).toEqual([0x10000, 0x11000]);
    expect(found(open(recipe, -4096 * 3))).toEqual([]);
  });

  it('shows 40 bytes of each page', () => {
    const dump = open({ segments: [{ physical: 0, bytes: patternPage(1) }] });
    const heads: Uint8Array[] = [];
    Array.from(dump.memory.findPages('text', (head) => (heads.push(head), false)));
    expect(heads).toEqual([patternPage(1).subarray(0, 40)]);
  });
});

describe('overlapping segments of a file that is cut off anywhere', () => {
  const MEMORY = Uint8Array.from({ length: 96 }, (_, i) => 1 + i);
  const START = 0x1000;
  const range = fc.tuple(fc.nat(MEMORY.length - 1), fc.integer({ min: 1, max: 48 }));
  const drawn = fc.record({
    order: fc.constantFrom(...BYTE_ORDERS),
    segments: fc.array(range, { minLength: 1, maxLength: 6 }),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    reads: fc.array(range, { minLength: 1, maxLength: 12 }),
  });

  it('give what any of them holds, and nothing else, in whatever order they come', () => {
    const property = fc.property(drawn, ({ order, segments, cut, reads }) => {
      const parts = segments.map(([from, length]) => MEMORY.subarray(from, from + length));
      const recipe = {
        order,
        segments: segments.map(([from], i) => ({ physical: START + from, bytes: parts[i]! })),
      };
      const whole = elfCore(recipe);
      const dataAt =
        whole.length - parts.reduce((sum, { length }) => sum + 4 * Math.ceil(length / 4), 0);
      const size = dataAt + Math.floor(cut * (whole.length - dataAt));
      const dump = openElfCore(bytesSource(whole.subarray(0, size)), DEFAULT_LIMITS);
      const held = new Set<number>();
      let at = dataAt;
      for (const [i, [from]] of segments.entries()) {
        const { length } = parts[i]!;
        for (let n = 0; n < length && at + n < size; n++) held.add(from + n);
        at += 4 * Math.ceil(length / 4);
      }
      for (const [from, length] of reads) {
        const wanted = Array.from({ length }, (_, n) => from + n);
        if (wanted.every((n) => held.has(n))) {
          const got = dump.memory.read(physAddr(START + from), length);
          expect([...got]).toEqual(wanted.map((n) => MEMORY[n]));
        } else {
          expect(reasonAt(dump, START + from, length)).toMatch(/^page_(lost|excluded)$/);
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});
