import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

describe('memory failures', () => {
  it.each([
    'Memory failure: 0x12345: recovery action for dirty LRU page: Recovered',
    'MCE 0x12345: recovery action for dirty LRU page: Recovered',
    'MCE: 0x12345: dirty LRU page recovery: Recovered',
  ])('%s', (text) => {
    expect(eventsOf(text)).toMatchObject([
      {
        ...{ category: 'memory', severity: 'recoverable', source: 'memory-failure' },
        ...{ outcome: 'Recovered', detail: 'dirty LRU page' },
        part: { kind: 'page', physicalAddress: '0x12345000' },
      },
    ]);
  });

  it('are the outcome of an error of the same page', () => {
    expect(
      eventsOf(
        '{1}[Hardware Error]: event severity: recoverable',
        '{1}[Hardware Error]:   section_type: memory error',
        '{1}[Hardware Error]:   physical_address: 0x0000000012345678',
        19,
        'Memory failure: 0x12345: recovery action for dirty LRU page: Delayed',
      ),
    ).toMatchObject([{ source: 'ghes', outcome: 'Delayed' }]);
  });

  it('twice of one page are two errors', () => {
    const line = 'Memory failure: 0x12345: recovery action for dirty LRU page: Failed';
    expect(eventsOf(line, 12, line)).toHaveLength(2);
  });

  it('say nothing where only details of them are left', () => {
    expect(
      summaries(
        'Memory failure: 0x12345: already hardware poisoned',
        'Memory failure: 0x12345: Sending SIGBUS to qemu:4501 due to hardware memory corruption',
      ),
    ).toEqual([]);
  });

  it('of tests and of pages that the kernel gives up in a row are none', () => {
    const leaked = (frame: number): string =>
      `Memory failure: 0x${frame.toString(16)}: recovery action for unknown page: Ignored`;
    expect(
      summaries(
        'Injecting memory failure for pfn 0x318 at process virtual address 0x44f01d',
        'Memory failure: 0x318: recovery action for dirty LRU page: Recovered',
        ...[0x700, 0x701, 0x702, 0x703].map(leaked),
        'soft offline: 0x900: page already poisoned',
        'Unpoison: Software-unpoisoned page 0x318',
      ),
    ).toEqual([]);
    expect(summaries(leaked(0x700), leaked(0x701))).toHaveLength(2);
  });

  it('that the collector of corrected errors avoided are corrected', () => {
    expect(eventsOf('RAS: Soft-offlining pfn: 0x12345')).toMatchObject([
      { severity: 'corrected', category: 'memory', part: { physicalAddress: '0x12345000' } },
    ]);
  });
});
