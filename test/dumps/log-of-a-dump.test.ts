// What a report says of the log, held against dmesg of the same crash: shared/vmcores has both.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, openVmcore } from '../../src/vmcore/index.ts';
import { verdictOf } from '../../src/triage.ts';
import { verdictText } from '../../src/wording.ts';
import { type DecodeCost, decodeCounted } from '../support/dumps/decode-cost.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';

const shared = sharedVmcores();

describe.skipIf(shared === undefined)('the log of a whole dump', () => {
  const path = join(shared ?? '', 'x86_64-7.3.4-whole.zlib');
  let dmesg: string[];
  let report: CrashReport;
  let cost: Readonly<DecodeCost>;
  beforeAll(() => {
    ({ report, cost } = decodeCounted(bytesSource(readFileSync(path))));
    dmesg = readFileSync(join(shared ?? '', 'x86_64-7.3.4-dmesg.txt'), 'utf8').split('\n');
  });
  /** Seconds since boot of the lines with this text. */
  const timesOf = (text: string): number[] =>
    dmesg.flatMap((line) =>
      line.includes(text) ? [Number(/^\[ *([\d.]+)\]/.exec(line)?.[1])] : [],
    );

  it('is summed up', () => {
    expect(report.log).toMatchObject({
      ...{ source: 'ring', forgeable: false, foreign: 1, firstSeq: 0, firstTime: 0 },
      ...{ truncated: false, lost: 0, unreadable: 0, suppressed: {} },
    });
  });

  it('has an event for each AER message of dmesg, at its time, with its device', () => {
    const times = timesOf('AER: Uncorrectable (Non-Fatal) Error message received');
    const events = report.hardwareEvents.filter(({ source }) => source === 'aer');
    expect(times.length).toBeGreaterThan(0);
    expect(events).toHaveLength(times.length);
    for (const [i, event] of events.entries()) {
      expect(event.time).toBeCloseTo(times[i]!, 5);
      expect(event).toMatchObject({
        ...{ category: 'pci', severity: 'recoverable', hwerrCategory: 'pci' },
        part: { kind: 'pci', address: '0000:01:00.0' },
      });
    }
  });

  it('tells what the kernel died of, and how long after the last error', () => {
    const [panic] = timesOf('Kernel panic - not syncing');
    const last = timesOf('AER: Uncorrectable (Non-Fatal) Error message received').at(-1);
    expect(report.panicMessage).toBe('Kernel panic - not syncing: sysrq triggered crash');
    expect(report.crash).toMatchObject({ type: 'sysrq', panic: report.panicMessage, cause: null });
    expect(report.crash?.leadSeconds).toBeCloseTo(panic! - last!, 5);
    const verdict = verdictOf(report, 300);
    expect(verdict).toMatchObject({
      kind: 'suspect',
      category: 'pci',
      restsOn: ['counters', 'log'],
    });
    expect(verdictText(verdict)).toBe('PCI error at 0000:01:00.0, 9.24 s before the panic');
  });

  it('costs at most 130 pages a 2,000 records beside the 64 of the counters', () => {
    expect(cost.pages).toBeLessThanOrEqual(64 + (130 * 524) / 2000);
  });
});

describe('a log that is not in the dump', () => {
  it('is absent with its reason, and no error of the dump', () => {
    const source = bytesSource(readFileSync(fixture('x86_64-7.3.4.zlib')));
    const { report } = decodeCounted(source);
    expect(openVmcore(source).incomplete).toBe(false);
    expect(report).toMatchObject({
      log: { source: 'absent', reason: 'page_excluded' },
      ...{ hardwareEvents: [], crash: null, panicMessage: null, warnings: [] },
      hwerr: { kind: 'present' },
    });
  });
});
