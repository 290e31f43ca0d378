import { describe, expect, it } from 'vitest';

import { readLog } from '../../../src/vmcore/printk/log.ts';
import { timesIn, timesOfDay } from '../../../src/vmcore/printk/times-of-day.ts';
import { kernel } from '../../support/builders/kernel-builder.ts';
import { openedKernel } from '../../support/builders/memory-dump.ts';

describe('timesIn', () => {
  it.each([
    ['rtc_cmos 00:05: setting system clock to 2026-09-21T14:13:21 UTC (1790000001)', [1790000001]],
    ['audit: type=2000 audit(1790000002.500:1): state=initialized', [1790000002]],
    ['audit(x.500:1): setting system clock to no time', []],
  ])('of "%s" is %j', (line, times) => {
    expect(timesIn(line)).toEqual(times);
  });
});

describe('timesOfDay', () => {
  it("has those of the kernel's own lines, in their order", () => {
    const records = ['audit(1790000001.5:1): a', 'up', 'audit(1790000002.5:1): b'];
    const user = { text: 'audit(1999999999.5:1): c', facility: 1 };
    const { kernel: opened } = openedKernel(kernel({ log: { records: [...records, user] } }));
    expect([...timesOfDay(readLog(opened).records.toReversed())]).toEqual([1790000002, 1790000001]);
  });
});
