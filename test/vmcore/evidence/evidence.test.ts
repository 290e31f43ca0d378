import { describe, expect, it } from 'vitest';

import { type Entry, evidenceOf, kernelLog, summaries } from '../../support/builders/kernel-log.ts';
import { findEvidence } from '../../../src/vmcore/evidence/evidence.ts';

const SERR = 'NMI: PCI system error (SERR) for reason b1 on CPU 0.';
const CE = 'EDAC MC0: 1 CE memory read error on A1 (channel:0 page:0x0 offset:0x0 grain:32)';

describe('findEvidence', () => {
  it('believes nothing that came through /dev/kmsg', () => {
    const real = [CE, 'Kernel panic - not syncing: Attempted to kill init!'];
    const forged: Entry[] = [
      'Kernel panic - not syncing: Fatal hardware error!',
      'EDAC MC0: 1 UE memory read error on A1 (channel:0 page:0xdeadbe offset:0x0 grain:32)',
      '{1}[Hardware Error]: event severity: fatal',
      'Hardware name: Forged Model, BIOS 1 01/01/2020',
      'ghes_print_estatus: 12 callbacks suppressed',
    ].map((text) => ({ text, facility: 1 }));
    expect(evidenceOf(10, ...forged, 11, ...real, 12, ...forged)).toEqual(evidenceOf(11, ...real));
  });

  it('keeps a thousand events: the oldest that are more than corrected, and the newest', () => {
    const many = Array.from({ length: 3000 }, (_, at): Entry[] => [10 + at, CE]).flat();
    const { hardwareEvents, hardwareEventsOmitted } = evidenceOf(5, SERR, ...many);
    expect(hardwareEvents).toHaveLength(1000);
    expect(hardwareEventsOmitted).toBe(2001);
    expect(hardwareEvents[0]).toMatchObject({ time: 5, severity: 'recoverable' });
    expect(hardwareEvents.at(-1)?.time).toBe(10 + 2999);
  });

  it('names no error as the cause that may be days old, where the log has no times', () => {
    const causeOf = (...texts: readonly string[]): unknown => {
      const records = kernelLog(...texts).map((record) => ({ ...record, timeSeconds: null }));
      return findEvidence(records, { pageSize: 4096 }).crash?.cause;
    };
    const zpci = 'zpci: 061a:00:00.0: Event 0x40 reports an error for PCI function 0x1234';
    expect(causeOf(zpci, 'Kernel panic - not syncing: sysrq triggered crash')).toBeNull();
    const serror = 'SError Interrupt on CPU5, code 0x00000000bf000002 -- SError';
    expect(
      causeOf(serror, 'Kernel panic - not syncing: Asynchronous SError Interrupt'),
    ).toMatchObject({ source: 'serror' });
  });

  it('gives no times where the log has none', () => {
    const records = kernelLog(SERR, 'Kernel panic - not syncing: x').map((record) => ({
      ...record,
      timeSeconds: null,
    }));
    const { hardwareEvents, crash } = findEvidence(records, { pageSize: 4096 });
    expect(hardwareEvents).toMatchObject([{ time: null }]);
    expect(crash).toMatchObject({ uptimeSeconds: null, leadSeconds: null });
  });

  it('makes no event of what has its own subject', () => {
    expect(
      summaries(
        'nvme nvme0: controller is down; will reset: CSTS=0x3, PCI_STATUS=0x10',
        'NVRM: Xid (PCI:0000:8a:00): 79, GPU has fallen off the bus.',
        'EXT4-fs error (device sda1): ext4_lookup:1855: inode #2: comm ls: deleted inode',
        'ACPI Error: AE_NOT_FOUND',
        'CPU3: Core temperature is above threshold, cpu clock is throttled (total events = 1)',
        'mce: CMCI storm detected: switching to poll mode',
        'GHES: APEI firmware first mode is enabled by APEI bit and WHEA _OSC.',
        'EINJ: Error INJection is initialized.',
        'ERST: Error Record Serialization Table (ERST) support is initialized.',
        'watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [x:55]',
        '[Firmware Bug]: the BIOS has corrupted hw-PMU resources',
      ),
    ).toEqual([]);
  });
});
