import { describe, expect, it } from 'vitest';

import { eventOf } from '../../../src/vmcore/evidence/event.ts';
import { Findings, type Finding, type Found } from '../../../src/vmcore/evidence/finding.ts';

function finding(found: Found, time = 1): Finding {
  const line = { time, caller: null, level: null, device: null, text: '' };
  return new Findings().open(line, found);
}

describe('eventOf', () => {
  it('takes each fact from the most telling finding that has it, and the earliest time', () => {
    const event = eventOf([
      finding(
        { kind: 'mce', source: 'mce', place: { cpu: 3, bank: 7 }, severity: 'recoverable' },
        2,
      ),
      finding({
        ...({ kind: 'edac', source: 'edac', category: 'memory', count: 4 } as const),
        place: { label: 'A1' },
      }),
    ]);
    expect(event).toMatchObject({
      ...{ time: 1, source: 'edac', category: 'memory', count: 4, severity: 'recoverable' },
      part: { kind: 'dimm', label: 'A1', cpu: 3, bank: 7 },
    });
  });

  it('believes a decisive finding about severity, and a panic above all', () => {
    const record = { kind: 'cper', source: 'ghes', decisive: true } as const;
    const edac = finding({ kind: 'edac', source: 'edac', severity: 'recoverable' });
    const informational = finding({ ...record, severity: 'informational' });
    expect(eventOf([edac, informational])?.severity).toBe('informational');
    const panic = { kind: 'panic', source: 'ghes', decisive: true, severity: 'fatal' } as const;
    expect(eventOf([edac, informational, finding(panic)])?.severity).toBe('fatal');
  });

  it('is null for notes alone', () => {
    expect(eventOf([finding({ kind: 'note', source: 'memory-failure' })])).toBeNull();
  });

  it('shows at most 128 characters of a text, and none that a terminal acts on', () => {
    const detail = `\u001b[31m${'x'.repeat(4096)}`;
    const event = eventOf([finding({ kind: 'other', source: 'trap', detail })]);
    expect(event?.detail).toMatch(/^\[31mx{124}$/);
  });

  it('counts nothing as survived that the kernel panicked of', () => {
    const mce = { kind: 'mce', source: 'mce', hwerrCategory: 'others' } as const;
    const panic = { kind: 'panic', source: 'mce', severity: 'fatal' } as const;
    expect(eventOf([finding(mce)])?.hwerrCategory).toBe('others');
    expect(eventOf([finding(mce), finding(panic)])?.hwerrCategory).toBeNull();
  });
});
