import { describe, expect, it } from 'vitest';

import { evidenceOf, summaries } from '../../support/builders/kernel-log.ts';

describe('panics that are hardware errors', () => {
  it.each([
    ['Fatal machine check from unknown source', 'fatal others mce'],
    ['Timeout: Subject CPUs unable to finish machine check processing', 'fatal others mce'],
    ['Fatal hardware error!', 'fatal others ghes'],
    ['GHES: Fatal hardware error', 'fatal others ghes'],
    ['UE memory read error on A1 (channel:0 page:0x1 offset:0x0 grain:32)', 'fatal memory edac A1'],
    ['EDAC altera: UE instance: 0 block: ocram', 'fatal others edac'],
    ['Memory failure: 0x12345: unrecoverable page', 'fatal memory memory-failure 0x12345000'],
    ['NMI IOCK error: Not continuing', 'fatal others nmi'],
  ])('%s', (text, summary) => {
    expect(summaries(`Kernel panic - not syncing: ${text}`)).toEqual([summary]);
  });

  it('of a hypervisor maintenance interrupt are that interrupt', () => {
    expect(
      summaries(
        'Fatal Hypervisor Maintenance interrupt [Not recovered]',
        'opal: Hardware platform error: Unrecoverable HMI exception',
      ),
    ).toEqual(['fatal cpu hmi']);
  });

  it('take what was printed of the error within two seconds before', () => {
    const record = [
      '{1}[Hardware Error]: event severity: fatal',
      '{1}[Hardware Error]:   section_type: memory error',
      '{1}[Hardware Error]:   DIMM location: A1 ',
    ];
    const panic = 'Kernel panic - not syncing: Fatal hardware error!';
    expect(evidenceOf(10, ...record, 11.9, panic).crash).toMatchObject({
      signature: 'ghes-fatal|memory|A1',
      cause: { time: 10, part: { label: 'A1' } },
    });
    expect(summaries(10, ...record, 12.1, panic)).toHaveLength(2);
  });

  it.each(['sysrq triggered crash', 'Attempted to kill init!', 'hung_task: blocked tasks'])(
    '%s is none',
    (text) => {
      expect(summaries(`Kernel panic - not syncing: ${text}`)).toEqual([]);
    },
  );
});
