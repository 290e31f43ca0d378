// The parts that a dying kernel cuts its log into, fs/pstore/platform.c pstore_dump().

import { describe, expect, it } from 'vitest';

import { isPstore, joinedParts, panicParts } from '../../../src/vmcore/printk/pstore.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('isPstore', () => {
  it.each(['Panic#1 Part1\n', 'Oops#12 Part3\n<6>[    1.000000] a\n'])('is so for %j', (text) => {
    expect(isPstore(bytes(text))).toBe(true);
  });

  it.each([
    '',
    'Panic#1 Part1',
    '\nPanic#1 Part1\n',
    'Panic#1 Part1 \n',
    'Panic# Part1\n',
    'KDUMP   \n',
    `Panic#1${'1'.repeat(100)} Part1\n`,
  ])('is not so for %j', (text) => {
    expect(isPstore(bytes(text))).toBe(false);
  });
});

describe('panicParts', () => {
  it('are those of the last panic, of one file or of all that were joined', () => {
    const text = 'Oops#1 Part1\na\nPanic#2 Part2\nb\nc\nPanic#2 Part1\nd\n';
    expect(panicParts(text)).toEqual([
      { record: 'Panic#2', number: 2, text: 'b\nc\n' },
      { record: 'Panic#2', number: 1, text: 'd\n' },
    ]);
    expect(panicParts(`Panic#1 Part1\nx\n${text}`)).toEqual(panicParts(text));
  });

  it('are none where there is no head, and none of what comes before the first', () => {
    expect(panicParts('a\nb\n')).toEqual([]);
    expect(panicParts('a\nPanic#1 Part1\nb\n')).toEqual([
      { record: 'Panic#1', number: 1, text: 'b\n' },
    ]);
  });
});

describe('joinedParts', () => {
  const part = (number: number): { record: string; number: number; text: string } => ({
    ...{ record: 'Panic#1', number },
    text: `${number}\n`,
  });

  it('begin with the oldest lines, which are in the part with the highest number', () => {
    const all = [part(2), part(1), part(3), part(2)];
    expect(joinedParts(all)).toEqual({ text: '3\n2\n1\n', isIncomplete: false });
  });

  it.each([[[2, 1, 4]], [[2, 3]], [[]]])('lack one where the numbers are %j', (numbers) => {
    expect(joinedParts(numbers.map(part)).isIncomplete).toBe(true);
  });
});
