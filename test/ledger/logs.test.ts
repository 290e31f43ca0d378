import { describe, expect, it } from 'vitest';

import { countedErrors, keptEvents, mergedLogs } from '../../src/ledger/logs.ts';
import { type LogFindings, absentLog, logFindings } from '../../src/vmcore/index.ts';
import { kernelLog } from '../support/builders/kernel-log.ts';

const error = (severity: 'Corrected' | 'Uncorrected (Non-Fatal)', device: number): string =>
  `pcieport 0000:00:02.0: AER: ${severity} error received: 0000:01:00.${device}`;

function ring(...lines: readonly (string | number)[]): LogFindings {
  return logFindings(
    { source: 'ring', records: kernelLog(...lines), truncated: false },
    { pageSize: 4096 },
  );
}

function text(...lines: readonly (string | number)[]): LogFindings {
  const records = kernelLog(...lines).map((record) => ({ ...record, facility: null }));
  return logFindings({ source: 'text', records, truncated: false }, { pageSize: 4096 });
}

const events = (of: LogFindings): number =>
  of.loggedErrors.reduce((sum, one) => sum + one.events, 0);

describe('keptEvents', () => {
  it('keeps the newest, half of them severe, and counts the others', () => {
    const lines = Array.from({ length: 400 }, (_, i) => [
      100 + 2 * i,
      error(i < 300 ? 'Uncorrected (Non-Fatal)' : 'Corrected', i % 8),
    ]).flat();
    const of = ring(...lines);
    expect(of.hardwareEvents).toHaveLength(400);
    const { hardwareEvents, hardwareEventsOmitted } = keptEvents(of);
    expect([hardwareEvents.length, hardwareEventsOmitted]).toEqual([100, 300]);
    const severe = hardwareEvents.filter(({ severity }) => severity === 'recoverable');
    expect(severe).toEqual(of.hardwareEvents.slice(250, 300));
    expect(hardwareEvents.slice(50)).toEqual(of.hardwareEvents.slice(350));
  });
});

describe('two logs of one crash', () => {
  const two = ring(1, error('Corrected', 0), 9, error('Corrected', 1));
  const one = ring(1, error('Corrected', 0), 3, 'a', 'b', 'c');

  it.each([
    ['the poorer one first', one, two],
    ['the better one first', two, one],
  ])('never say less than one of them: %s', (_, known, next) => {
    expect(events(mergedLogs(known, next))).toBe(2);
  });

  it('are one where only one of them is there', () => {
    const absent = absentLog('page_excluded');
    expect(mergedLogs(absent, two)).toEqual(two);
    expect(mergedLogs(two, absent)).toEqual(two);
  });

  it('are what the kernel stored, whatever text says that anybody may have written', () => {
    const forged = text(
      1,
      error('Corrected', 0),
      3,
      error('Corrected', 1),
      5,
      error('Corrected', 2),
    );
    expect(events(forged)).toBe(3);
    expect(mergedLogs(forged, two)).toEqual(two);
    expect(mergedLogs(two, forged)).toEqual(two);
    expect(countedErrors(forged)).toEqual([]);
    expect(countedErrors(two)).toEqual([{ category: 'pci', severity: 'corrected', events: 2 }]);
  });
});
