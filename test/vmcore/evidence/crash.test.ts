import { describe, expect, it } from 'vitest';

import type { CrashFacts } from '../../../src/vmcore/evidence/crash.ts';
import { type Entry, evidenceOf } from '../../support/builders/kernel-log.ts';

function crashOf(...entries: readonly Entry[]): CrashFacts | null {
  return evidenceOf(...entries).crash;
}

const WARNING = [
  'WARNING: CPU: 1 PID: 2 at mm/slub.c:310 kfree+0x1/0x2',
  'CPU: 1 PID: 2 Comm: warner Tainted: G        W  6.1.0 #1',
  'Hardware name: Warner Model, BIOS 1 01/01/2020',
  'RIP: 0010:kfree+0x1/0x2',
  'Call Trace:',
  ' warned+0x1/0x2',
  '---[ end trace 0000000000000000 ]---',
];

const OOPS = [
  'BUG: unable to handle page fault for address: ffff887fa9a6eb29',
  '#PF: supervisor read access in kernel mode',
  'Oops: 0000 [#1] PREEMPT SMP NOPTI',
  'CPU: 3 PID: 506 Comm: poc Not tainted 6.1.47+ #42',
  'RIP: 0010:rsvp_classify+0x31a/0xdf0',
  'Call Trace:',
  ' <TASK>',
  ' tcf_classify+0x1/0x2',
  '---[ end trace 0000000000000000 ]---',
];

describe('the crash', () => {
  it('is none where nothing but a warning was printed', () => {
    expect(crashOf(...WARNING)).toBeNull();
    expect(crashOf('CPU: 7 PID: 9 Comm: x Not tainted 6.1.0 #179')).toBeNull();
  });

  it('is the oops that a panic was made of, with both lines', () => {
    expect(
      crashOf(...WARNING, ...OOPS, 60, 'Kernel panic - not syncing: Fatal exception'),
    ).toMatchObject({
      ...{ type: 'page-fault', pc: 'rsvp_classify', frames: ['tcf_classify'] },
      ...{ cpu: 3, pid: 506, comm: 'poc', taint: [], uptimeSeconds: 60 },
      panic: 'Kernel panic - not syncing: Fatal exception',
      oops: OOPS[0],
      signature: 'page-fault|rsvp_classify|tcf_classify',
    });
  });

  it.each([
    'Oops: Fatal exception',
    'Oops - BUG: Fatal exception in interrupt',
    'Fatal exception: panic_on_oops',
    'Attempted to kill the idle task!',
    'Machine halted.',
  ])('is the oops, too, where the panic is called %s', (words) => {
    const panic = `Kernel panic - not syncing: ${words}`;
    expect(crashOf(...OOPS, panic)).toMatchObject({ type: 'page-fault', panic, oops: OOPS[0] });
  });

  it('is where the CPU was that was locked up, or met the SError, that the panic is of', () => {
    const where = ['CPU: 3 PID: 55 Comm: x Not tainted 6.1.0 #1', 'RIP: 0010:spin+0x1/0x2'];
    const watchdog = ['CPU: 3 PID: 55 Comm: x Tainted: G L 6.1.0 #1', 'RIP: 0010:watchdog+0x1/0x2'];
    const lockup = 'watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [x:55]';
    const panic = 'Kernel panic - not syncing: softlockup: hung tasks';
    expect(crashOf(lockup, ...where, panic, ...watchdog)).toMatchObject({
      ...{ type: 'soft-lockup', pc: 'spin', panic, oops: lockup },
    });
    const serror = 'SError Interrupt on CPU3, code 0x00000000be000011 -- SError';
    const asynchronous = 'Kernel panic - not syncing: Asynchronous SError Interrupt';
    expect(crashOf(serror, ...where, asynchronous, ...watchdog)).toMatchObject({
      ...{ type: 'serror', pc: 'spin', panic: asynchronous, oops: serror },
    });
    expect(crashOf(lockup, ...where, asynchronous)).toMatchObject({ type: 'serror', oops: null });
  });

  it('is the panic, not an oops that was survived before', () => {
    expect(
      crashOf(
        ...OOPS,
        100,
        'Kernel panic - not syncing: hung_task: blocked tasks',
        'CPU: 0 PID: 20 Comm: khungtaskd Tainted: G      D  6.1.47+ #42',
        'Call Trace:',
        ' panic+0x1/0x2',
        ' watchdog+0x1/0x2',
      ),
    ).toMatchObject({ type: 'hung-task', comm: 'khungtaskd', frames: ['watchdog'], oops: null });
  });

  it('is not what a dying kernel complains of after its panic', () => {
    expect(
      crashOf(
        'Kernel panic - not syncing: sysrq triggered crash',
        'CPU: 0 PID: 1 Comm: sh Not tainted 7.3.4 #1',
        '---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
        ...OOPS,
      ),
    ).toMatchObject({ type: 'sysrq', comm: 'sh' });
  });

  it('on request is one on request, though old kernels oops for it', () => {
    expect(crashOf('sysrq: SysRq : Trigger a crash', ...OOPS)).toMatchObject({ type: 'sysrq' });
  });

  it('may be a lockup that nobody ended, if the CPU says where it was', () => {
    const lockup = 'watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [x:55]';
    expect(crashOf(lockup)).toBeNull();
    expect(crashOf(lockup, 'CPU: 3 PID: 55 Comm: x Not tainted 6.1.0 #1')).toMatchObject({
      type: 'soft-lockup',
    });
  });

  it('is no lockup that the kernel survived, with the same lines', () => {
    const lockup = 'watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [x:55]';
    const where = ['CPU: 3 PID: 55 Comm: x Not tainted 6.1.0 #1', 'RIP: 0010:spin+0x1/0x2'];
    expect(crashOf(100, lockup, ...where, 9000, 'usb 1-1: new device')).toBeNull();
    expect(
      crashOf(100, lockup, ...where, 124, lockup, ...where, 148, lockup, ...where, 160, 'x'),
    ).toMatchObject({ type: 'soft-lockup', uptimeSeconds: 148 });
  });

  it('of another CPU than the one that was locked up has no program counter', () => {
    const panic = [
      'Kernel panic - not syncing: Hard LOCKUP',
      'CPU: 4 PID: 55 Comm: x Not tainted 6.1.0 #1',
      'RIP: 0010:innocent+0x1/0x2',
    ];
    const locked = (cpu: number): string => `watchdog: Watchdog detected hard LOCKUP on cpu ${cpu}`;
    expect(crashOf(locked(3), ...panic)).toMatchObject({ pc: null, signature: 'hard-lockup' });
    expect(crashOf(locked(4), ...panic)).toMatchObject({ pc: 'innocent' });
  });

  it('takes the machine from the boot if the crash does not say it', () => {
    const boot = ['DMI: SMBIOS 2.8 present.', 'DMI: QEMU Standard PC, BIOS 1.17 04/01/2014'];
    expect(crashOf(...boot, ...OOPS)?.hardware).toMatchObject({
      vendor: 'QEMU',
      biosVersion: '1.17',
    });
  });

  it('knows of a machine check whose record is gone', () => {
    const panic = 'Kernel panic - not syncing: Attempted to kill init!';
    const cpu = 'CPU: 0 PID: 1 Comm: init Tainted: G   M  7.3.4 #1';
    expect(crashOf(panic, cpu)).toMatchObject({ machineCheckTaint: true, taint: ['G', 'M'] });
  });

  it('says how long before it the last error came that was more than corrected', () => {
    const error = 'NMI: PCI system error (SERR) for reason b1 on CPU 0.';
    expect(crashOf(10, error, 19.24, ...OOPS)?.leadSeconds).toBeCloseTo(9.24, 6);
    expect(crashOf(...OOPS)?.leadSeconds).toBeNull();
  });
});
