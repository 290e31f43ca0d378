// Crashes of many hosts, some with hardware errors, as reports: what lists and groups are made of.

import { type CrashReport, logFindings } from '../../../src/vmcore/index.ts';
import { kernelLog } from '../builders/kernel-log.ts';
import { CRASH_TIME, counted, crashReport } from './crash-reports.ts';

interface Death {
  readonly host: string;
  readonly bootId: string;
  /** Before CRASH_TIME. */
  readonly secondsAgo: number;
  readonly kernel: string;
  readonly model: string;
  /** The function it died in. */
  readonly at: string;
  /** Lines of the log before, at 30 s after boot; the panic comes at 40 s. */
  readonly before?: readonly string[];
}

const PCI_ERROR =
  'pcieport 0000:00:02.0: AER: Uncorrected (Non-Fatal) error received: 0000:01:00.1';

/** A kernel without counters, whose log says what it died of. */
export function death({ host, bootId, secondsAgo, kernel, model, at, before }: Death): CrashReport {
  const records = kernelLog(
    ...[30, ...(before ?? [])],
    ...[40, 'BUG: kernel NULL pointer dereference, address: 0000000000000008'],
    `CPU: 3 PID: 77 Comm: worker Not tainted ${kernel} #1`,
    `Hardware name: Dell Inc. ${model}, BIOS 2.19.1 06/04/2023`,
    `RIP: 0010:${at}+0x12/0x40`,
    'Call Trace:',
    ' process_one_work+0x1b2/0x3a0',
    'Kernel panic - not syncing: Fatal exception',
  );
  const log = { source: 'ring', records, truncated: false, firstSeq: 0 } as const;
  const findings = logFindings(log, { pageSize: 4096 });
  return crashReport({
    ...{ nodename: host, bootId, crashTimeSeconds: CRASH_TIME - secondsAgo, kernelRelease: kernel },
    panicMessage: findings.crash?.panic ?? null,
    hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' },
    ...findings,
  });
}

/** Three signatures: one of one host with PCI errors, one of one kernel, one of one model. */
export function fleet(): CrashReport[] {
  return Array.from({ length: 12 }, (_, i) => {
    const common = { bootId: `boot-${i}`, secondsAgo: i * 3600 };
    if (i % 3 === 0) {
      const before = i === 0 ? [] : [PCI_ERROR];
      const machine = { host: 'bad', kernel: `6.12.${i}`, model: 'PowerEdge R740' };
      return death({ ...common, ...machine, before, at: 'ioread32' });
    }
    if (i % 3 === 1) {
      const model = `PowerEdge R${i}`;
      return death({ ...common, host: `bug-${i}`, kernel: '6.12.1', model, at: 'buggy_driver' });
    }
    const kernel = `6.1.${i}`;
    return death({ ...common, host: `fw-${i}`, kernel, model: 'PowerEdge R650', at: 'acpi_ex' });
  });
}

/** A crash of no fleet: its counters are known, its log is not there. */
export function countedCrash(secondsAgo: number): CrashReport {
  const last = CRASH_TIME - secondsAgo - 9;
  const hwerr = counted({ memory: [7, last] });
  const crashTimeSeconds = CRASH_TIME - secondsAgo;
  return crashReport({ nodename: 'counted', bootId: 'counted', crashTimeSeconds, hwerr });
}
