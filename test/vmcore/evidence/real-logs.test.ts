/**
 * Excerpts of real logs: what they tell alone, and that they tell the same among other lines. The
 * excerpts are not ours to copy; those of the other tests here were composed from the formats.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { HardwareEvent } from '../../../src/vmcore/evidence/hardware-event.ts';
import { findEvidence } from '../../../src/vmcore/evidence/evidence.ts';
import type { LogRecord } from '../../../src/vmcore/printk/record.ts';
import { type Excerpt, sharedLogs } from '../../support/dumps/shared-logs.ts';

const excerpts = sharedLogs() ?? [];
const needed = excerpts.length === 0 ? ' [needs ../shared/logs]' : '';

function events(records: readonly LogRecord[]): readonly HardwareEvent[] {
  return findEvidence(records, { pageSize: 4096 }).hardwareEvents;
}

/** Fields that an excerpt does not state may be anything. */
function stated(part: Excerpt['expected'][number]['part']): object {
  return Object.fromEntries(Object.entries(part ?? {}).filter(([, value]) => value !== null));
}

describe.skipIf(needed !== '')(`an excerpt of a real log${needed}`, () => {
  it.each(excerpts)('tells its events and its crash: $name', (excerpt) => {
    const { hardwareEvents, crash } = findEvidence(excerpt.records, { pageSize: 4096 });
    expect(hardwareEvents).toHaveLength(excerpt.expected.length);
    for (const [at, { t, part, ...fields }] of excerpt.expected.entries()) {
      expect(hardwareEvents[at]).toMatchObject(fields);
      if (part !== null) expect(hardwareEvents[at]?.part).toMatchObject(stated(part));
      if (!excerpt.timesSynthetic) expect(hardwareEvents[at]?.time).toBeCloseTo(t, 1);
    }
    expect(crash?.type).toBe(excerpt.crash?.type);
  });
});

/** Lines that are of no error, as other CPUs print them in between. */
const NOISE = [
  'usb 1-2: device descriptor read/64, error -71',
  'audit: type=1400 audit(1700000000.000:1): apparmor="DENIED" operation="open"',
  'nvme nvme0: I/O 12 QID 3 timeout, aborting',
  'TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.',
  '[drm] PCIE GART of 512M enabled',
  ' some line that begins with a blank',
  '{not a number}[Hardware Error]: x',
  'ata1: SError: { UnrecovData Handshk }',
  'systemd[1]: Started x',
  '',
];

const noise = fc.record({
  text: fc.oneof(fc.constantFrom(...NOISE), fc.string({ maxLength: 60 })),
  caller: fc.constantFrom('T4711', 'C63'),
  facility: fc.constantFrom(0, 0, 1, 3),
});

describe.skipIf(needed !== '')(`an excerpt of a real log among others${needed}`, () => {
  it.each(excerpts)('tells the same among lines of other CPUs: $name', ({ records }) => {
    const alone = events(records);
    const property = fc.property(fc.array(fc.array(noise, { maxLength: 3 })), (gaps) => {
      const mixed = records.flatMap((record, at): LogRecord[] => [
        ...(gaps[at] ?? []).map((line) => ({ ...record, device: null, level: 6, ...line })),
        { ...record, caller: record.caller ?? 'T1' },
      ]);
      expect(events(mixed)).toEqual(alone);
    });
    fc.assert(property, { numRuns: 30 });
  });

  // What tells a test from an error is a line before it; what joins two messages may be gone.
  const errors = excerpts.filter(({ expected }) => expected.length > 0);
  it.each(errors)(
    'is at most one event more when its first lines are gone: $name',
    ({ records }) => {
      const most = events(records).length;
      for (let from = 1; from < records.length; from++) {
        expect(events(records.slice(from)).length).toBeLessThanOrEqual(most + 1);
      }
    },
  );

  it.each(excerpts)('tells the same when another came 16 minutes before: $name', ({ records }) => {
    const after = shifted(records, 2000, 200);
    for (const other of excerpts) {
      const before = shifted(other.records, 1000, 100);
      const both = [...events(before), ...events(after)];
      expect(events([...before, ...after]), other.name).toEqual(both);
    }
  });
});

/** At another time, and with other numbers of firmware records: those are of one boot. */
function shifted(records: readonly LogRecord[], seconds: number, numbers: number): LogRecord[] {
  const start = records[0]?.timeSeconds ?? 0;
  return records.map((record) => ({
    ...record,
    timeSeconds: seconds + (record.timeSeconds ?? 0) - start,
    text: record.text.replace(/^\{(\d+)\}/, (_all, number) => `{${Number(number) + numbers}}`),
  }));
}
