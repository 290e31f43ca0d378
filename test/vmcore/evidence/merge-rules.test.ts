import { describe, expect, it } from 'vitest';

import { RULES } from '../../../src/vmcore/evidence/merge-rules.ts';
import { summaries } from '../../support/builders/kernel-log.ts';

describe('the rules of merging', () => {
  it('each have a name of their own and a longest time', () => {
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
    expect(RULES.filter(({ seconds }) => !(seconds > 0))).toEqual([]);
  });

  const unaddressed = 'EDAC MC0: 1 UE memory read error on A1 (xxx xxx)';
  const failure = 'Memory failure: 0x7740c0: recovery action for dirty page: Recovered';
  it.each([
    ['a page and an uncorrected error without address', [failure, unaddressed]],
    ['the same the other way round', [unaddressed, failure]],
  ])('%s are one event', (_what, lines) => {
    expect(summaries(...lines)).toEqual(['recoverable memory edac A1']);
  });

  it('a page that was dealt with long before an error of it is another event', () => {
    const error = 'mce: Uncorrected hardware memory error in user-access at 7740c0000';
    expect(summaries(10, failure, 10.9, error)).toHaveLength(1);
    expect(summaries(10, failure, 12, error)).toHaveLength(2);
    expect(summaries(10, error, 19.9, failure)).toHaveLength(1);
    expect(summaries(10, error, 21, failure)).toHaveLength(2);
  });

  it('an announcement that comes after the firmware record is of it', () => {
    expect(
      summaries(
        '{1}[Hardware Error]: event severity: recoverable',
        '{1}[Hardware Error]:   section_type: memory error',
        'mce: [Hardware Error]: Machine check events logged',
      ),
    ).toEqual(['recoverable memory ghes']);
  });
});
