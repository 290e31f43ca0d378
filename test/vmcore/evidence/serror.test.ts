import { describe, expect, it } from 'vitest';

import { evidenceOf, summaries } from '../../support/builders/kernel-log.ts';

describe('arm64 exceptions', () => {
  it('an SError and its panic are one fatal event', () => {
    const { hardwareEvents, crash } = evidenceOf(
      'SError Interrupt on CPU3, code 0x00000000be000011 -- SError',
      'CPU: 3 UID: 0 PID: 341 Comm: x Tainted: G   M  6.17.0 #1',
      'Kernel panic - not syncing: Asynchronous SError Interrupt',
    );
    expect(hardwareEvents).toMatchObject([
      {
        severity: 'fatal',
        category: 'others',
        source: 'serror',
        detail: 'code 0x00000000be000011',
      },
    ]);
    expect(crash?.type).toBe('serror');
  });

  it('the panic alone is an event', () => {
    expect(summaries('Kernel panic - not syncing: Asynchronous SError Interrupt')).toEqual([
      'fatal others serror',
    ]);
  });

  it('an external abort is fatal, of memory where it was parity', () => {
    expect(
      summaries(
        'Internal error: synchronous external abort: 0000000096000010 [#1] SMP',
        'Internal error: synchronous parity or ECC error: 0000000096000018 [#1] SMP',
      ),
    ).toEqual(['fatal others serror', 'fatal memory serror']);
  });

  it('a register of SATA is something else', () => {
    expect(summaries('ata1: SError: { UnrecovData Handshk }')).toEqual([]);
  });
});
