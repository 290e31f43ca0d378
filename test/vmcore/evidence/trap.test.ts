import { describe, expect, it } from 'vitest';

import { evidenceOf } from '../../support/builders/kernel-log.ts';

describe('traps for hardware errors', () => {
  it.each([
    ['Oops - load access fault [#1]', 'others'],
    ['Oops - hardware error [#1]', 'others'],
    ["Kernel panic - not syncing: Can't handle the cache error!", 'cpu'],
  ])('%s', (text, category) => {
    const { hardwareEvents, crash } = evidenceOf(text);
    expect(hardwareEvents).toMatchObject([{ severity: 'fatal', category, source: 'trap' }]);
    expect(crash?.cause).toEqual(hardwareEvents[0]);
  });

  it('other oopses are none', () => {
    expect(evidenceOf('Oops - illegal instruction [#1]').hardwareEvents).toEqual([]);
  });
});
