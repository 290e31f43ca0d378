import { describe, expect, it } from 'vitest';

import { eventsOf, evidenceOf, summaries } from '../../support/builders/kernel-log.ts';

describe('machine checks of POWER', () => {
  it.each([
    ['(Warning) Host SLB Multihit [Recovered]', 'informational', 'cpu'],
    ['(Harmless)  TLB Multihit [Recovered]', 'informational', 'cpu'],
    [
      '(Severe)  UE Load/Store DAR: c0000000 paddr: 0000000012345000 [Recovered]',
      'recoverable',
      'memory',
    ],
    ['(Severe) Guest ERAT Multihit DAR: 00000100 [Not recovered]', 'recoverable', 'cpu'],
    ['(Fatal)  Real address Load (bad) [Not recovered]', 'fatal', 'others'],
  ])('%s', (text, severity, category) => {
    expect(eventsOf(`MCE: CPU24: machine check ${text}`)).toMatchObject([
      { severity, category, source: 'mce', part: { kind: 'cpu', cpu: 24 } },
    ]);
  });

  it('that the kernel did not recover from while it ran itself are fatal', () => {
    const check = 'MCE: CPU0: machine check (Severe) Host UE Load/Store [Not recovered]';
    const nip = (text: string): string[] => [check, `MCE: CPU0: ${text}`];
    expect(summaries(...nip('NIP: [c000000000088978] memcpy_power7+0x418/0x7e0'))).toEqual([
      'fatal memory mce CPU 0',
    ]);
    expect(summaries(...nip('PID: 12 Comm: a b NIP: [00007fff88978000]'))).toEqual([
      'recoverable memory mce CPU 0',
    ]);
    expect(summaries(...nip('PID: 12 Comm: qemu Guest NIP: [c000000000088978]'))).toEqual([
      'recoverable memory mce CPU 0',
    ]);
  });

  it('are blocks of indented lines before v5.2', () => {
    expect(
      eventsOf(
        { text: 'Severe Machine check interrupt [Not recovered]', caller: 'C5' },
        { text: '  NIP [c00000000ba80280]: insert_slb_entry+0x278/0x2c0', caller: 'C5' },
        { text: '  Error type: UE [Load/Store]', caller: 'C5' },
        { text: '    Physical address: 0000000012345000', caller: 'C5' },
      ),
    ).toMatchObject([
      {
        ...{ severity: 'fatal', category: 'memory', detail: 'UE' },
        part: { cpu: 5, physicalAddress: '0x12345000' },
      },
    ]);
  });

  it('before v4.15 are worded with a bracket too many and a letter too few', () => {
    expect(
      eventsOf(
        'Severe Machine check interrupt [[Not recovered]',
        '  Initiator: CPU',
        '  Error type: UE [Load/Store]',
        '      Physial address: 0000000012345000',
      ),
    ).toMatchObject([
      { severity: 'recoverable', category: 'memory', part: { physicalAddress: '0x12345000' } },
    ]);
  });

  it('may end the machine without a panic', () => {
    const { hardwareEvents, crash } = evidenceOf(
      'MCE: CPU0: machine check (Severe) Host UE Load/Store [Not recovered]',
      'opal: Hardware platform error: Unrecoverable Machine Check exception',
    );
    expect(hardwareEvents).toMatchObject([{ severity: 'fatal', category: 'memory' }]);
    expect(crash).toMatchObject({ type: 'machine-check', cause: { category: 'memory' } });
  });

  it('that the hypervisor reports are of no known part', () => {
    expect(
      summaries(
        'Recoverable hardware error detected',
        'RTAS: event: 3, Type: Platform Error (224)',
      ),
    ).toEqual(['recoverable others rtas']);
  });

  it('are not what x86 says of itself', () => {
    expect(summaries('mce: CPU0: Thermal monitoring enabled (TM1)')).toEqual([]);
    expect(summaries('MCE: In-kernel MCE decoding enabled.')).toEqual([]);
  });
});
