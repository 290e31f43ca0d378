import { describe, expect, it } from 'vitest';

import { evidenceOf, summaries } from '../../support/builders/kernel-log.ts';

const SERR = 'NMI: PCI system error (SERR) for reason b1 on CPU 0.';

describe('NMI', () => {
  it('errors that were survived are recoverable', () => {
    expect(summaries(SERR, 'NMI: IOCK error (debug interrupt?) for reason 70 on CPU 0.')).toEqual([
      'recoverable pci nmi',
      'recoverable others nmi',
    ]);
  });

  it('errors that the kernel does not go on after are fatal', () => {
    const { hardwareEvents, crash } = evidenceOf(
      SERR,
      'Kernel panic - not syncing: NMI: Not continuing',
    );
    expect(hardwareEvents).toMatchObject([{ severity: 'fatal', category: 'pci' }]);
    expect(crash).toMatchObject({ type: 'nmi', cause: { source: 'nmi' } });
  });

  it('for an unknown reason is no hardware error', () => {
    const { hardwareEvents, crash } = evidenceOf(
      'Uhhuh. NMI received for unknown reason 2d on CPU 0.',
      'Kernel panic - not syncing: NMI: Not continuing',
    );
    expect(hardwareEvents).toEqual([]);
    expect(crash).toMatchObject({ type: 'nmi', cause: null, signature: 'nmi' });
  });
});
