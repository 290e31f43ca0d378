import { describe, expect, it } from 'vitest';

import { type KernelLog, readLog } from '../../../src/vmcore/printk/log.ts';
import { LE64 } from '../../support/builders/bytes.ts';
import { type LegacyLogRecipe, legacyLog } from '../../support/builders/legacy-log-builder.ts';
import { logKernel } from '../../support/builders/log-kernel.ts';

const AT = 0x100000n;
const BUFFER = 0x900000n;
const FRAGMENT = 8; // LOG_CONT
const NEWLINE = 2;

function read(recipe: Partial<LegacyLogRecipe>): KernelLog {
  const built = legacyLog({ order: LE64, at: AT, buffer: BUFFER, records: [], ...recipe });
  const pieces = [
    { at: AT, bytes: built.variables },
    { at: BUFFER, bytes: built.buffer },
  ];
  return readLog(logKernel({ pieces, keys: built.keys }));
}

const texts = ({ records }: KernelLog): string[] => records.map(({ text }) => text);

describe('the legacy log as dmesg showed it', () => {
  it('joins the fragments of a line', () => {
    const records = [
      { text: 'before' },
      { text: 'a', flags: FRAGMENT, nanoseconds: 1n },
      { text: 'b', flags: FRAGMENT, nanoseconds: 2n },
      { text: 'c', flags: NEWLINE, nanoseconds: 3n },
      { text: 'after' },
    ];
    const log = read({ records });
    expect(texts(log)).toEqual(['before', 'abc', 'after']);
    expect(log.records[1]!.timeSeconds).toBe(1e-9);
    expect(texts(read({ records: records.slice(2) }))).toEqual(['bc', 'after']);
    expect(texts(read({ records: records.slice(0, 3) }))).toEqual(['before', 'ab']);
  });

  it.each([0, 1])(
    'joins no line of the kernel with one through /dev/kmsg: first of facility %i',
    (facility) => {
      const records = [
        { text: 'a', flags: FRAGMENT, facility },
        { text: 'b', flags: NEWLINE, facility: 1 - facility },
      ];
      expect(texts(read({ records }))).toEqual(['a', 'b']);
    },
  );

  it('joins so many fragments, and then begins another record', () => {
    const records = Array.from({ length: 100 }, () => ({ text: 'x', flags: FRAGMENT }));
    const joined = texts(read({ records, bufferBytes: 8192 }));
    expect(joined.join('')).toBe('x'.repeat(100));
    expect(Math.max(...joined.map((text) => text.length))).toBe(64);
  });

  it('strips what a terminal or a page would act on', () => {
    const records = [{ text: 'a\x1b[2Jb\nc', dict: 'DEVICE=+pci:\x1b' }];
    expect(read({ records }).records).toMatchObject([{ text: 'a [2Jb\nc', device: '+pci: ' }]);
  });
});
