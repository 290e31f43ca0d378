import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

describe('EEH', () => {
  it('many lines of one endpoint are one event until it was recovered', () => {
    const error = [
      'EEH: Recovering PHB#40-PE#10000',
      'EEH: PE location: U78D2.001.WZS00FE-P1-C8, PHB location: N/A',
      'EEH: Frozen PHB#40-PE#10000 detected',
      'EEH: Call Trace:',
      'EEH: [c000000000051078] __eeh_send_failure_event+0x7c/0x15c',
      'EEH: This PCI device has failed 1 times in the last hour and will be permanently disabled after 5 failures.',
      'EEH: of node=0040:01:00.0',
      'EEH: Recovery successful.',
    ];
    const event = {
      ...{
        severity: 'recoverable',
        category: 'pci',
        source: 'eeh',
        outcome: 'recovery successful',
      },
      part: {
        pe: 'PHB#40-PE#10000',
        location: 'U78D2.001.WZS00FE-P1-C8',
        address: '0040:01:00.0',
      },
    };
    expect(eventsOf(...error, ...error)).toMatchObject([event, event]);
  });

  it.each([
    ['EEH: Frozen PE#2 on PHB#3 detected', 'recoverable', 'PHB#3-PE#2'],
    ['EEH (7): Frozen PHB#3-PE#2 detected', 'recoverable', 'PHB#3-PE#2'],
    ['EEH: Fenced PHB#3 detected, location: N/A', 'recoverable', 'PHB#3'],
    ['EEH: PHB#3 failure detected, location: N/A', 'recoverable', 'PHB#3'],
    ['EEH: dead PHB#3 detected, location: N/A', 'fatal', 'PHB#3'],
  ])('%s', (text, severity, pe) => {
    expect(eventsOf(text)).toMatchObject([{ severity, part: { pe } }]);
  });

  it('an endpoint that is given up is a fatal error', () => {
    expect(
      summaries(
        'EEH: Frozen PHB#40-PE#10000 detected',
        'EEH: PHB#40-PE#10000 has failed 6 times in the last hour and has been permanently disabled.',
      ),
    ).toEqual(['fatal pci eeh PHB#40-PE#10000']);
  });

  it('a dead IOC is no endpoint, and drivers name the device', () => {
    expect(summaries('EEH: dead IOC detected')).toEqual(['fatal pci eeh IOC']);
    expect(
      summaries(
        'EEH: Frozen PE#2 on PHB#3 detected',
        'PCI 0001:01:00.0#10000: EEH: Invoking nvme->error_detected(IO frozen)',
      ),
    ).toEqual(['recoverable pci eeh 0001:01:00.0']);
  });

  it('what it says at boot is no event', () => {
    expect(summaries('EEH: pSeries platform initialized', 'EEH: Capable adapter found')).toEqual(
      [],
    );
  });
});
