import { describe, expect, it } from 'vitest';

import { Findings } from '../../../src/vmcore/evidence/finding.ts';
import {
  MceRecord,
  continuesMceRecord,
  startsMceRecord,
} from '../../../src/vmcore/evidence/mce-record.ts';

function recordOf(...lines: readonly string[]): MceRecord {
  const line = { time: 1, caller: null, level: null, device: null, text: '' };
  const record = new MceRecord(new Findings().open(line, { kind: 'mce', source: 'mce' }));
  for (const text of lines) record.add(text);
  return record;
}

describe('MceRecord', () => {
  it.each([
    'CPU 0: Machine Check Exception: 5 Bank 9: bd000000000000c0',
    'CPU 0: Machine Check: 0 Bank 9: bd000000000000c0',
    'CPU 0: Machine Check Exception:                4 Bank 9: bd000000000000c0',
    'CPU 0: Machine Check Event: 0x0 Bank 9: 0xbd000000000000c0',
  ])('begins with %s', (text) => {
    expect(startsMceRecord(text)).toBe(true);
    expect(recordOf(text).finding).toMatchObject({
      severity: 'recoverable',
      category: 'memory',
      place: { cpu: 0, bank: 9 },
    });
  });

  it('has no status where the line was cut', () => {
    for (const status of ['', 'b', 'bd000000000000c']) {
      const text = `CPU 0: Machine Check Exception: 5 Bank 9: ${status}`;
      expect(startsMceRecord(text)).toBe(true);
      const { finding } = recordOf(text);
      expect(finding).toMatchObject({ severity: null, place: { cpu: 0, bank: 9 } });
    }
  });

  it('goes on with registers, some of them on one line', () => {
    expect(continuesMceRecord('TSC 0 ADDR 12345000')).toBe(true);
    const { finding } = recordOf(
      'CPU 0: Machine Check Event: 0x0 Bank 13: 0xcc001380000800c0',
      'ADDR 1c8cd84480 EDAC MC1: MISC 90868002000208c EDAC MC1: PROCESSOR 0:206d7 TIME 1 SOCKET 1 APIC 20',
    );
    expect(finding.place).toMatchObject({ physicalAddress: 0x1c8cd84000n, socket: 1 });
  });

  it('is the same error as another of one CPU, bank and status, unless it was corrected', () => {
    const fatal = 'CPU 2: Machine Check Exception: 5 Bank 7: be00000001010091';
    expect(recordOf(fatal).identity).toBe(recordOf(fatal).identity);
    expect(recordOf(fatal).identity).not.toBe(recordOf(fatal.replace('CPU 2', 'CPU 3')).identity);
    expect(recordOf('CPU 2: Machine Check: 0 Bank 7: 8c00004000010092').identity).toBeNull();
  });

  it('of AMD gives no address', () => {
    const { finding } = recordOf(
      'CPU 0: Machine Check: 0 Bank 17: dc2040000000011b',
      'TSC 0 ADDR b3cbdbbc0 IPID 9600650f00 ',
      'PROCESSOR 2:a00f11 TIME 1 SOCKET 0 APIC 0 microcode 1',
    );
    expect(finding).toMatchObject({ category: 'memory' });
    expect(finding.place.physicalAddress).toBeUndefined();
  });
});
