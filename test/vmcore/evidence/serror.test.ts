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

  it('an SError that was printed twice is one', () => {
    const serror = 'SError Interrupt on CPU3, code 0x00000000be000011 -- SError';
    expect(summaries(serror, serror)).toEqual(['fatal others serror CPU 3']);
    expect(summaries(serror, serror.replace('CPU3', 'CPU4'))).toHaveLength(2);
  });

  it('is not what a kernel died of that was dying already', () => {
    const { crash, hardwareEvents } = evidenceOf(
      'Kernel panic - not syncing: sysrq triggered crash',
      'Internal error: synchronous external abort: 96000210 [#1] PREEMPT SMP',
    );
    expect(hardwareEvents).toHaveLength(1);
    expect(crash).toMatchObject({ type: 'sysrq', cause: null });
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

  it('an external abort of before v4.19 is fatal only when the kernel dies of it', () => {
    const fault = 'Unhandled fault: synchronous external abort (0x96000210) at 0xffffff8008001000';
    const other =
      'Synchronous External Abort: level 1 synchronous parity error (0x96000015) at 0x1';
    expect(summaries(fault, other)).toEqual([
      'recoverable others serror',
      'recoverable memory serror',
    ]);
    expect(summaries(fault, 'Internal error: : 96000210 [#1] SMP')).toEqual([
      'fatal others serror',
    ]);
    expect(summaries(10, fault, 12, 'Internal error: : 96000210 [#1] SMP')).toEqual([
      'recoverable others serror',
    ]);
  });

  it('an SError of before v4.15 is a bad mode', () => {
    const { hardwareEvents, crash } = evidenceOf(
      'Bad mode in Error handler detected on CPU0, code 0xbf000002 -- SError',
      'Internal error: Oops - bad mode: 0 [#1] SMP',
    );
    expect(hardwareEvents).toMatchObject([
      { severity: 'fatal', category: 'others', part: { cpu: 0 } },
    ]);
    expect(crash?.type).toBe('serror');
  });

  it('a register of SATA is something else', () => {
    expect(summaries('ata1: SError: { UnrecovData Handshk }')).toEqual([]);
  });
});
