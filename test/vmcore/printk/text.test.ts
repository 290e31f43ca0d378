import { describe, expect, it } from 'vitest';

import { bootsOf } from '../../../src/vmcore/evidence/boots.ts';
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
    ['Sep 22 2026 09:59:09 host kernel: a: b', { facility: null }],
    // BusyBox' syslogd, and RFC 5424.
    ['Sep 22 09:59:09 host kern.err kernel: [   32.5] a: b', { timeSeconds: 32.5, facility: null }],
    ['<3>1 2026-11-28T14:24:46.123456+01:00 host kernel - - - a: b', { facility: 0, level: 3 }],
    ['<12>1 2026-11-28T14:24:46Z host mcelog 812 - - a: b', { facility: 1, level: 4 }],
    // journalctl -o short-iso, short-full, short-unix, short-monotonic.
    ['2026-11-28T14:24:46+0100 host kernel: a: b', { facility: null }],
    ['Sat 2026-11-28 14:24:46 CET host kernel: a: b', { facility: null }],
    ['Sat 2026-11-28 14:24:46 CET host mcelog[812]: a: b', { facility: 1 }],
    ['1795872286.123456 host kernel: a: b', { facility: null }],
    ['[   32.514997] host kernel: a: b', { timeSeconds: 32.514997, facility: null }],
    // dmesg --time-format=iso, -H.
    ['2026-11-28T14:24:46,123456+01:00 a: b', { timeSeconds: null, facility: null }],
    ['kern  :err   : 2026-11-28T14:24:46,123456+01:00 a: b', { facility: 0, level: 3 }],
    ['[Nov28 14:24] a: b', { timeSeconds: null }],
    // dmesg -d, -d -T, -d -e; journalctl -o short-delta.
    ['[   32.514997 <    0.000012>] a: b', { timeSeconds: 32.514997 }],
    ['kern  :err   : [   32.514997 <    0.000000>] a: b', { timeSeconds: 32.514997, facility: 0 }],
    ['[Sat Nov 28 14:24:46 2026 <    0.000012>] a: b', { timeSeconds: null }],
    ['[<    0.000012>] a: b', { timeSeconds: null }],
    ['[   32.514997 <    0.000012 >] host kernel: a: b', { timeSeconds: 32.514997 }],
    ['[   32.514997                ] host kernel: a: b', { timeSeconds: 32.514997 }],
    // Months and days in German, French and Japanese.
    ['[Sa Nov 28 14:24:46 2026] a: b', { timeSeconds: null }],
    ['[sam. nov. 28 14:24:46 2026] a: b', { timeSeconds: null }],
    ['[土 11月 28 14:24:46 2026] a: b', { timeSeconds: null }],
    ['[nov.28 14:24] a: b', { timeSeconds: null }],
    ['nov. 28 14:24:46 host kernel: a: b', { facility: null }],
    ['11月 28 14:24:46 host mcelog[812]: a: b', { facility: 1 }],
    // A console that something dated, and excerpts whose host was taken out.
    ['2026-11-28T14:24:46.123456789Z [   32.5] a: b', { timeSeconds: 32.5, facility: null }],
    ['Sep 22 09:59:09 kernel: [   32.5] a: b', { timeSeconds: 32.5, facility: null }],
    ['Feb 23 03:28:16  kernel: a: b', { facility: null }],
    ['kernel: a: b', { facility: null }],
  ])('%s', (text, fields) => {
    expect(first(text)).toMatchObject({ ...fields, text: 'a: b' });
    expect(readLogText(text).format).toBe('text');
  });

  it('keeps the spaces that a line begins with', () => {
    expect(first('[    1.0]  Error detail: x')).toMatchObject({ text: ' Error detail: x' });
  });

  it.each(['', 'kern  :err   : ', '<3>'])('takes no text in brackets for a time: %s', (prefix) => {
    const text = '[Hardware Error]: cache level: L3/GEN, tx: GEN, mem-tx: RD';
    expect(first(`${prefix}${text}`)).toMatchObject({ text });
  });

  it('takes no other writer than the kernel where there is no date: much of its own text has the form', () => {
    expect(first('[   32.5] nvme nvme0: a')).toMatchObject({
      facility: null,
      text: 'nvme nvme0: a',
    });
  });

  it('leaves the facility that a line has to it, whatever writer its text names', () => {
    expect(first('user  :err   : [   32.5] host kernel: forged')).toMatchObject({ facility: 1 });
    expect(first('Sep 22 09:59:09 host sshd[1]: kernel: forged')).toMatchObject({ facility: 1 });
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

  it('reads what /dev/kmsg gives', () => {
    const { format, records } = readLogText('3,1,2,-;a\n SUBSYSTEM=pci\n4,2,3,-;b\n');
    expect([format, records.map(({ text }) => text)]).toEqual(['text', ['a', 'b']]);
  });

  it.each([
    ['[  900.0] old', '[    0.000000] Linux version 6.1.0', '[    1.0] new'],
    [
      'Sep 22 09:59:09 host kernel: old',
      'Sep 22 10:01:00 host kernel: Linux version 6.1.0',
      'Sep 22 10:01:00 host kernel: new',
    ],
    ['4,9,900000000,-;old', '5,0,0,-;Linux version 6.1.0', '4,1,1000000,-;new'],
  ])('knows where another boot begins: %s', (...lines) => {
    const { records } = readLogText(`${lines.join('\n')}\n`);
    const boots = bootsOf(records).map((boot) => boot.map(({ text }) => text));
    expect(boots).toEqual([['old'], ['Linux version 6.1.0', 'new']]);
  });

  it.each([
    '[    0.0] a\n[    0.0] Linux version 6.1.0\n[    9.0] Linux version of a writer\n',
    'kern  :err   : [    9.0] a\nuser  :err   : [   10.0] Linux version 6.1.0\n',
    '[Sat Nov 28 14:24:46 2026] a\n[Sat Nov 28 14:24:47 2026] Linux version of a writer\n',
    'Sep 22 09:59:09 host kernel: a\nSep 22 09:59:10 host login[9]: Linux version 6.1.0\n',
  ])('takes nobody else’s word for another boot: %j', (text) => {
    expect(bootsOf(readLogText(text).records)).toHaveLength(1);
  });

  it('reads what netconsole sent, from the middle of a record on', () => {
    const records = '4,2,3,-;b\n DEVICE=+pci:0000:01:00.0\n4,3,4,-;c\n';
    for (const rest of ['If of a line\n', ' SUBSYSTEM=pci\n', 'half\n DEVICE=c4:64\n']) {
      expect(readLogText(rest + records).records.map(({ text }) => text)).toEqual(['b', 'c']);
    }
    expect(first('a: b\n3,1,2,-;one line of that form\nb: c\n')).toMatchObject({ text: 'a: b' });
  });

  it.each(['__CURSOR=s=1\nMESSAGE=x\n', 'data: {"MESSAGE":"x"}\n', '\u001e{"MESSAGE":"x"}\n'])(
    'refuses other formats of journalctl, in which it would find nothing: %j',
    (text) => {
      expect(() => readLogText(text)).toThrow('got another format of journalctl');
    },
  );

  it('reads nothing in nothing', () => {
    expect(readLogText('')).toEqual({ format: 'text', records: [], truncated: false });
  });
});
