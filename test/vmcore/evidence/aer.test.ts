import { describe, expect, it } from 'vitest';

import { eventsOf, summaries } from '../../support/builders/kernel-log.ts';

const HEADERS = [
  ['v4.17 and before', 'Corrected error received: id=0300', 'corrected', '0000:03:00.0'],
  ['5.x', 'Uncorrected (Non-Fatal) error received: 0000:03:00.0', 'recoverable', '0000:03:00.0'],
  [
    '6.8',
    'Multiple Correctable error message received from 0000:03:00.0',
    'corrected',
    '0000:03:00.0',
  ],
  [
    '7.3',
    'Uncorrectable (Fatal) Error message received from 10000:e1:00.0',
    'fatal',
    '10000:e1:00.0',
  ],
  [
    '7.3, several',
    'Multiple Correctable Error messages received, first one from 0000:03:00.0 (no details found)',
    'corrected',
    '0000:03:00.0',
  ],
] as const;

describe('AER', () => {
  it.each(HEADERS)('a header of %s is an event by itself', (_version, text, severity, address) => {
    const events = eventsOf(`pcieport 0000:00:1c.0: AER: ${text}`);
    expect(events).toMatchObject([
      { severity, category: 'pci', source: 'aer', part: { kind: 'pci', address } },
    ]);
  });

  it('a header and its block are one event, of the device of the block, at the time of the header', () => {
    const events = eventsOf(
      5,
      'pcieport 0000:00:1c.0: AER: Corrected error message received from 0000:00:1c.0',
      'nvme 0000:03:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)',
      'nvme 0000:03:00.0:   device [144d:a808] error status/mask=00000001/0000e000',
      'nvme 0000:03:00.0:    [ 0] RxErr                 ',
    );
    expect(events).toMatchObject([
      {
        time: 5,
        part: { address: '0000:03:00.0', vendor: '144d', device: 'a808' },
        detail: 'RxErr',
        hwerrCategory: null,
      },
    ]);
  });

  it('a second block under one header is a second event', () => {
    expect(
      summaries(
        'pcieport 0000:00:1d.0: AER: Multiple Corrected error received: 0000:03:00.0',
        'pcieport 0000:00:1d.0: AER: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)',
        'nvme 0000:03:00.0: AER: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)',
      ),
    ).toEqual(['corrected pci aer 0000:00:1d.0', 'corrected pci aer 0000:03:00.0']);
  });

  it('an advisory error prints two blocks and is one corrected error, which the kernel counts', () => {
    const events = eventsOf(
      'pcieport 0000:00:1c.0: AER: Correctable Error message received from 0000:03:00.0',
      'nvme 0000:03:00.0: PCIe Bus Error: severity=Correctable',
      'nvme 0000:03:00.0:   device [144d:a808] error status/mask=00002000/00000000',
      'nvme 0000:03:00.0:   [13] NonFatalErr       | Receiver | Transaction Layer',
      'nvme 0000:03:00.0: PCIe Bus Error: severity=Uncorrectable (Non-Fatal)',
      'nvme 0000:03:00.0:   [20] UnsupReq          | Completer | Transaction Layer (First)',
    );
    expect(events).toMatchObject([{ severity: 'corrected', hwerrCategory: 'pci' }]);
  });

  it('a block that lost its head is still an event', () => {
    expect(
      summaries(
        'igb 0000:09:00.1:   device [8086:1521] error status/mask=00004000/00000000',
        'igb 0000:09:00.1:    [14] CmpltTO                (First)',
      ),
    ).toEqual(['recoverable pci aer 0000:09:00.1']);
  });

  it('recovery is an outcome, and the injector marks the next error of its device', () => {
    const [event] = eventsOf(
      'pcieport 0000:00:02.0: aer_inject: Injecting errors 00000000/00004000 into device 0000:01:00.0',
      'pcieport 0000:00:02.0: AER: Uncorrectable (Non-Fatal) Error message received from 0000:01:00.0',
      'pci 0000:01:00.0: PCIe Bus Error: severity=Uncorrectable (Non-Fatal)',
      'pcieport 0000:00:02.0: AER: device recovery failed',
    );
    expect(event).toMatchObject({
      injected: true,
      outcome: 'recovery failed',
      hwerrCategory: 'pci',
    });
  });

  it('recovery had a capital letter in old kernels', () => {
    expect(
      eventsOf(
        'pcieport 0000:00:02.0: AER: Uncorrected (Fatal) error received: id=0010',
        'pcieport 0000:00:02.0: AER: Device recovery failed',
      ),
    ).toMatchObject([{ severity: 'fatal', outcome: 'recovery failed' }]);
  });

  it('the injector need not say that it is one', () => {
    expect(
      eventsOf(
        'pcieport 0000:00:02.0: Injecting errors 00000040/00000000 into device 0000:01:00.0',
        'e1000e 0000:01:00.0: PCIe Bus Error: severity=Corrected, type=Data Link Layer, id=0100(Receiver ID)',
      ),
    ).toMatchObject([{ injected: true }]);
  });

  it('an error of a CXL device is of category cxl', () => {
    expect(
      summaries('pcieport 0000:0c:00.0: CXL Bus Error: severity=Uncorrectable (Fatal)'),
    ).toEqual(['fatal cxl aer 0000:0c:00.0']);
  });

  it('what dev_printk() stored beside the text names the device', () => {
    expect(
      summaries({
        text: 'pcieport 0000:00:1c.0: AER: Corrected error received: ',
        device: '+pci:0001:00:1c.0',
      }),
    ).toEqual(['corrected pci aer 0001:00:1c.0']);
  });

  it('lines of the subsystem that report nothing are no events', () => {
    expect(
      summaries(
        'pcieport 0000:00:02.0: AER: enabled with IRQ 24',
        'acpi PNP0A08:00: _OSC: OS now controls [PCIeHotplug PME AER PCIeCapability]',
        'nvme 0000:03:00.0: AER: device recovery successful',
      ),
    ).toEqual([]);
  });
});
