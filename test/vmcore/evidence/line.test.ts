import { describe, expect, it } from 'vitest';

import { kernelLines } from '../../../src/vmcore/evidence/line.ts';
import { kernelLog } from '../../support/builders/kernel-log.ts';

describe('kernelLines', () => {
  it('leaves out what came through /dev/kmsg', () => {
    const records = kernelLog('a', { text: 'b', facility: 1 }, { text: 'c', facility: null });
    expect(Array.from(kernelLines(records), ({ text }) => text)).toEqual(['a', 'c']);
  });

  it('splits records into lines of one time, and a line without a time has that before it', () => {
    const records = kernelLog(5, 'a\nb', { text: 'c', timeSeconds: null });
    expect(Array.from(kernelLines(records), ({ text, time }) => [text, time])).toEqual([
      ['a', 5],
      ['b', 5],
      ['c', 5],
    ]);
  });

  it('cuts what is longer than a record of the kernel', () => {
    const [line] = kernelLines(kernelLog('x'.repeat(4 << 20)));
    expect(line?.text).toHaveLength(2048);
  });
});
