import { describe, expect, it } from 'vitest';

import { readLogText } from '../../../src/vmcore/printk/text.ts';

const first = (text: string): unknown => readLogText(text).records[0];

describe('readLogText', () => {
  it.each([
    ['[   32.514997] a: b', { timeSeconds: 32.514997, facility: null, level: null, caller: null }],
    ['[   32.5] [   T55] a: b', { caller: 'T55' }],
    ['[   32.5][   C12] a: b', { caller: 'C12' }],
    ['kern  :err   : [   32.5] a: b', { facility: 0, level: 3, timeSeconds: 32.5 }],
    ['user  :warn  : [   32.5] a: b', { facility: 1, level: 4 }],
    ['daemon:info  : [   32.5] a: b', { facility: 3, level: 6 }],
    ['<3>[   32.5] a: b', { facility: 0, level: 3 }],
    ['<12>[   32.5] a: b', { facility: 1, level: 4 }],
    ['[Sat Nov 28 14:24:46 2026] a: b', { timeSeconds: null }],
    ['[  +0.000012] a: b', { timeSeconds: null }],
    ['a: b', { timeSeconds: null, facility: null }],
    ['Sep  2 09:59:09 host kernel: a: b', { timeSeconds: null, facility: null }],
    ['Sep 22 09:59:09 host kernel: [   32.5] a: b', { timeSeconds: 32.5, facility: null }],
    ['2026-11-28T14:24:46.123456+01:00 host kernel: a: b', { facility: null }],
    ['Sep 22 09:59:09.123456 host mcelog[812]: a: b', { facility: 1 }],
  ])('%s', (text, fields) => {
    expect(first(text)).toMatchObject({ ...fields, text: 'a: b' });
    expect(readLogText(text).format).toBe('text');
  });

  it('keeps the spaces that a line begins with', () => {
    expect(first('[    1.0]  Error detail: x')).toMatchObject({ text: ' Error detail: x' });
  });

  it('gives a line without prefix to the record before it, and to whoever wrote that', () => {
    const { records } = readLogText(
      'user  :err   : [    1.0] harmless\nKernel panic - not syncing: forged\nkern  :err   : [    2.0] x\n',
    );
    expect(records.map(({ facility, text }) => [facility, text])).toEqual([
      [1, 'harmless\nKernel panic - not syncing: forged'],
      [0, 'x'],
    ]);
  });

  it('takes every line for a record where none has a prefix, and lines of another system', () => {
    const { records } = readLogText('{1}[Hardware Error]: a\r\nb\n');
    expect(records.map(({ text }) => text)).toEqual(['{1}[Hardware Error]: a', 'b']);
  });

  it('keeps the newest 65,536 records, and says that there were more', () => {
    const line = (at: number): string => `[${at}.0] x${at}\n`;
    const { records, truncated } = readLogText(
      Array.from({ length: 200_000 }, (_, at) => line(at)).join(''),
    );
    expect(records).toHaveLength(65_536);
    expect(records.at(-1)?.text).toBe('x199999');
    expect(truncated).toBe(true);
    expect(readLogText(line(1)).truncated).toBe(false);
  });

  it('reads nothing in nothing', () => {
    expect(readLogText('')).toEqual({ format: 'text', records: [], truncated: false });
  });
});
