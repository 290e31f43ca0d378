import { describe, expect, it } from 'vitest';

import { bootsOf } from '../../../src/vmcore/evidence/boots.ts';
import { Corrupt } from '../../../src/vmcore/errors.ts';
import { isJournal, journalRecords } from '../../../src/vmcore/printk/journal.ts';

const entry = (fields: object): string =>
  `${JSON.stringify({
    __MONOTONIC_TIMESTAMP: '99000000',
    _SOURCE_MONOTONIC_TIMESTAMP: '32514997',
    _TRANSPORT: 'kernel',
    _BOOT_ID: 'a',
    SYSLOG_FACILITY: '0',
    PRIORITY: '4',
    MESSAGE: 'text',
    ...fields,
  })}\n`;

describe('journalctl -o json', () => {
  it('is told by its fields', () => {
    expect([isJournal(entry({})), isJournal('{"dmesg":[]}')]).toEqual([true, false]);
  });

  it('has the kernel’s own time, facility, level and device', () => {
    expect([...journalRecords(entry({ _KERNEL_DEVICE: '+pci:0000:01:00.0' }))]).toEqual([
      {
        ...{ timeSeconds: 32.514997, facility: 0, level: 4, caller: null },
        ...{ device: '+pci:0000:01:00.0', text: 'text' },
      },
    ]);
  });

  it('takes what came some other way for no word of the kernel', () => {
    const [record] = journalRecords(entry({ _TRANSPORT: 'syslog' }));
    expect(record?.facility).toBe(1);
  });

  it('reads bytes where a message is not UTF-8', () => {
    const [record] = journalRecords(entry({ MESSAGE: [0x61, 0xff] }));
    expect(record?.text).toBe('a\ufffd');
  });

  it('says where another boot begins', () => {
    const text = entry({ MESSAGE: 'old' }) + entry({ _BOOT_ID: 'b', MESSAGE: 'new' });
    const boots = bootsOf([...journalRecords(text)]);
    expect(boots.map((boot) => boot.map((record) => record.text))).toEqual([['old'], ['new']]);
  });

  it('that is cut off is refused', () => {
    expect(() => [...journalRecords('{"MESSAGE":"a"}\n{"MESS')]).toThrow(Corrupt);
  });
});
