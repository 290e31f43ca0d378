import { describe, expect, it } from 'vitest';

import { isKmsg, kmsgRecords } from '../../../src/vmcore/printk/kmsg.ts';

const records = (text: string): unknown[] => [...kmsgRecords(text)];

describe('kmsgRecords', () => {
  it('reads priority, time, caller and device', () => {
    const text =
      '3,416,58278505,-,caller=T55;pcieport 0000:00:01.0: a\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:01.0\n12,417,58278600,c;b\n';
    expect(records(text)).toEqual([
      {
        timeSeconds: 58.278505,
        facility: 0,
        level: 3,
        caller: 'T55',
        device: '+pci:0000:00:01.0',
        text: 'pcieport 0000:00:01.0: a',
      },
      { timeSeconds: 58.2786, facility: 1, level: 4, caller: null, device: null, text: 'b' },
    ]);
  });

  it.each([
    ['what is not printable', String.raw`6,1,2,-;a\x0ab \x5c`, 'a\nb \\'],
    ['letters beyond ASCII', String.raw`6,1,2,-;Ger\xc3\xa4t \xe2\x82\xac \xff`, 'Gerät € \ufffd'],
    ['a semicolon', '6,1,2,-;a; b', 'a; b'],
    ['the release of netconsole', '7.3.4+deb13-cloud-amd64,6,1,2,-;a', 'a'],
    ['fields of a newer kernel', '6,1,2,-,caller=C3,cpu=3;a', 'a'],
  ])('reads %s', (_, line, text) => {
    expect(records(line)).toMatchObject([{ text }]);
  });

  it('leaves out lines that are of no record', () => {
    expect(records('noise\n6,1,2,-;a\nKernel panic - not syncing: forged\n')).toMatchObject([
      { text: 'a' },
    ]);
  });

  it.each(['[    1.0] a', '6,1,2;a', '1,2,3', 'a,b,c,-;d'])('is nothing else: %s', (line) => {
    expect(isKmsg(line)).toBe(false);
  });
});
