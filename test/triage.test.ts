// The answer to "was it the hardware?", from every mixture of counters, log and panic.

import { describe, expect, it } from 'vitest';

import { type Verdict, verdictOf } from '../src/triage.ts';
import { verdictText } from '../src/wording.ts';
import { type CrashReport, absentLog, logFindings } from '../src/vmcore/index.ts';
import { type Entry, kernelLog } from './support/builders/kernel-log.ts';
import { CRASH_TIME, counted, crashReport } from './support/dumps/crash-reports.ts';

const WINDOW = 300;
const PANIC = 'Kernel panic - not syncing: sysrq triggered crash';
const PORT = 'pcieport 0000:00:02.0: AER:';
const DEVICE = 'pci 0000:01:00.0:';
const NON_FATAL = [
  `${PORT} Uncorrectable (Non-Fatal) Error message received from 0000:01:00.0`,
  `${DEVICE} PCIe Bus Error: severity=Uncorrectable (Non-Fatal)`,
  `${DEVICE}   device [8086:10d3] error status/mask=00004000/00000000`,
];
const GHES_MEMORY = [
  'Hardware error from APEI Generic Hardware Error Source: 1',
  'event severity: recoverable',
  ' Error 0, type: recoverable',
  '  section_type: memory error',
  '  DIMM location: not present. DIMM_A1 ',
].map((text) => `{1}[Hardware Error]: ${text}`);
/** Of firmware, with the registers that the AER driver takes over, and counts. */
const GHES_PCIE = [
  'Hardware error from APEI Generic Hardware Error Source: 1',
  'event severity: recoverable',
  ' Error 0, type: recoverable',
  '  section_type: PCIe error',
  '  device_id: 0000:01:00.0',
].map((text) => `{1}[Hardware Error]: ${text}`);
const REGISTERS = [
  `${DEVICE} AER: aer_uncor_status: 0x00004000, aer_uncor_mask: 0x00000000`,
  `${DEVICE} AER: aer_uncor_severity: 0x00462030`,
];
const FATAL_MACHINE_CHECK = [
  'mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 7: be00000000800400',
  'mce: [Hardware Error]: PROCESSOR 0:50654 TIME 1791000350 SOCKET 1 APIC 6 microcode 1',
  'Kernel panic - not syncing: Fatal machine check',
];
const TAINTED = 'CPU: 0 PID: 1 Comm: init Tainted: G   M               6.12.0 #1';

/** The report of a kernel with that log. */
function report(parts: Partial<CrashReport>, ...log: readonly Entry[]): CrashReport {
  const read = {
    source: 'ring',
    records: kernelLog(...log),
    truncated: false,
    firstSeq: 0,
  } as const;
  return crashReport({ ...logFindings(read, { pageSize: 4096 }), ...parts });
}

const OLD = { hwerr: { kind: 'absent', reason: 'kernel_without_hwerr' } } as const;
const verdict = (of: CrashReport): Verdict => verdictOf(of, WINDOW);
const text = (of: CrashReport): string => verdictText(verdict(of));

describe('a panic that is a hardware error', () => {
  it.each([
    ['counters of zero', {}],
    ['no counters in the kernel', OLD],
    ['errors counted before it', { hwerr: counted({ pci: [1, CRASH_TIME - 1] }) }],
  ])('comes first, whatever counters say: %s', (_, parts) => {
    const of = report(parts, 40, ...NON_FATAL, 41, ...FATAL_MACHINE_CHECK);
    expect(verdict(of)).toMatchObject({
      kind: 'hardware_panic',
      error: { severity: 'fatal', part: 'CPU 3 socket 1 bank 7' },
      restsOn: ['panic', 'log'],
    });
    expect(text(of)).toMatch(/^The panic is a hardware error: fatal .* error at CPU 3/);
  });

  it.each([
    'Kernel panic - not syncing: Fatal hardware error!',
    'Kernel panic - not syncing: Asynchronous SError Interrupt',
    'Kernel panic - not syncing: Fatal local machine check',
  ])('needs no record beside it: %s', (line) => {
    expect(verdict(report({}, 41, line)).kind).toBe('hardware_panic');
  });

  it('is an NMI that followed a PCI system error', () => {
    const log = [
      'NMI: PCI system error (SERR) for reason a1 on CPU 0.',
      'Kernel panic - not syncing: NMI: Not continuing',
    ];
    expect(verdict(report({}, 41, ...log)).kind).toBe('hardware_panic');
    expect(verdict(report({}, 41, log[1]!)).kind).toBe('clean');
  });
});

describe('errors that were counted', () => {
  const seven = counted({ pci: [7, CRASH_TIME - 9] });

  it('have their lead and part from the log, where it has them', () => {
    const of = report({ hwerr: seven }, 32.5, ...NON_FATAL, 41.74, PANIC);
    expect(verdict(of)).toMatchObject({
      kind: 'suspect',
      category: 'pci',
      error: { part: '0000:01:00.0' },
      restsOn: ['counters', 'log'],
    });
    expect(text(of)).toBe('PCI error at 0000:01:00.0, 9.24 s before the panic');
  });

  it('have it from the time of day where the log has not the last of them', () => {
    const of = report({ hwerr: seven }, 2, ...NON_FATAL, 41.74, PANIC);
    expect(verdict(of)).toMatchObject({ leadSeconds: 9, error: null, restsOn: ['counters'] });
    expect(verdict(crashReport({ hwerr: seven }))).toMatchObject({ leadSeconds: 9, error: null });
  });

  it.each([3600, -3600])('keep their lead when the clock was set by %i s after them', (seconds) => {
    const hwerr = counted({ pci: [7, CRASH_TIME - 9 - seconds] });
    const of = report({ hwerr }, 32.5, ...NON_FATAL, 41.74, PANIC);
    expect(verdict(of)).toMatchObject({ kind: 'suspect', leadSeconds: 9.24 });
    const kind = seconds < 0 ? 'clock_set' : 'earlier';
    expect(verdict(report({ hwerr }, 41.74, PANIC)).kind).toBe(kind);
  });

  it('yield to one in the log that was not counted and is nearer', () => {
    const hwerr = counted({ pci: [7, CRASH_TIME - 100] });
    const of = report({ hwerr }, 40, ...GHES_MEMORY, 41, PANIC);
    expect(verdict(of)).toMatchObject({ kind: 'logged_suspect', error: { category: 'memory' } });
  });

  it.each([
    ['others', 9, 'Memory error at page 0x12346000, 9 s before the panic'],
    ['others', 4, 'Other hardware error 4 s before the panic'],
    ['pci', 9, 'PCI error 9 s before the panic'],
  ])('are named by what the log has of that time: %s %i s before', (category, lead, words) => {
    const page = 'Memory failure: 0x12346: recovery action for free buddy page: Recovered';
    const log = ['mce: [Hardware Error]: Machine check events logged', page];
    const hwerr = counted({ [category]: [2, CRASH_TIME - lead] });
    expect(text(report({ hwerr }, 32, ...log, 41, PANIC))).toBe(words);
  });

  it('yield to a worse one in the log where that shows them to be informational', () => {
    const hwerr = counted({ memory: [1, CRASH_TIME - 1] });
    const informational = GHES_MEMORY.map((line) =>
      line.replace('{1}', '{2}').replace('recoverable', 'info'),
    );
    const of = report({ hwerr }, 20, ...GHES_MEMORY, 40, ...informational, 41, PANIC);
    expect(verdict(of)).toMatchObject({
      kind: 'logged_suspect',
      error: { category: 'memory', severity: 'recoverable' },
    });
    const all = [20, ...NON_FATAL, 40, ...informational, 41, PANIC];
    const both = { hwerr: counted({ pci: [1, CRASH_TIME - 21], memory: [1, CRASH_TIME - 1] }) };
    expect(verdict(report(both, ...all))).toMatchObject({
      ...{ kind: 'suspect', category: 'pci', error: { severity: 'recoverable' } },
      restsOn: ['counters', 'log'],
    });
    const alone = report({ hwerr }, 40, ...informational, 41, PANIC);
    expect(verdict(alone)).toMatchObject({ kind: 'suspect', error: { severity: 'informational' } });
  });

  it.each([
    [2, { kind: 'suspect', category: 'pci', restsOn: ['counters', 'log'] }],
    [1, { kind: 'logged_suspect', restsOn: ['log'] }],
  ])('yield to a worse one of their own category: %i of 2 counted', (count, said) => {
    const hwerr = counted({ pci: [count, CRASH_TIME - 1] });
    const informational = GHES_PCIE.map((line) =>
      line.replace('{1}', '{2}').replace('recoverable', 'info'),
    );
    const log = [20, ...GHES_PCIE, ...REGISTERS, 40, ...informational, 41, PANIC];
    expect(verdict(report({ hwerr }, ...log))).toEqual({
      ...said,
      leadSeconds: 21,
      error: { category: 'pci', severity: 'recoverable', part: '0000:01:00.0' },
    });
  });
});

describe('errors of the log alone', () => {
  it.each([
    ['not counted by a kernel that counts', {}],
    ['of a kernel that does not count', OLD],
    ['where counters cannot be read', { hwerr: { kind: 'absent', reason: 'page_lost' } }],
  ] as const)('are suspect within the window: %s', (_, parts) => {
    const of = report(parts, 40, ...GHES_MEMORY, 42.5, PANIC);
    expect(verdict(of)).toMatchObject({ kind: 'logged_suspect', restsOn: ['log'] });
    expect(text(of)).toMatch(/^Memory error.*, 2\.50 s before the panic \(in the log\)$/);
  });

  it('are earlier outside of it', () => {
    const of = report(OLD, 40, ...GHES_MEMORY, 1000, PANIC);
    expect(verdict(of)).toMatchObject({ kind: 'logged_earlier' });
    expect(text(of)).toMatch(/^Last hardware error 16 min before the panic \(memory error/);
  });

  it('are undated where nothing says when the kernel died', () => {
    expect(verdict(report(OLD, 40, ...GHES_MEMORY))).toMatchObject({ kind: 'logged_undated' });
  });

  it('are none where they were corrected', () => {
    const corrected = `${PORT} Correctable error message received from 0000:01:00.0`;
    expect(verdict(report({}, 40, corrected, 41, PANIC)).kind).toBe('clean');
    expect(verdict(report(OLD, 40, corrected, 41, PANIC)).kind).toBe('log_clean');
  });

  it('are not believed blindly where any process may have written them', () => {
    const records = kernelLog(32.5, ...NON_FATAL, 41.74, PANIC);
    const text = records.map((record) => ({ ...record, facility: null }));
    const read = { source: 'text', records: text, truncated: false } as const;
    const hwerr = counted({ pci: [7, CRASH_TIME - 900] });
    const forgeable = crashReport({ ...logFindings(read, { pageSize: 4096 }), hwerr });
    expect(verdict(forgeable)).toMatchObject({ kind: 'logged_suspect', restsOn: ['log_text'] });
    expect(verdictText(verdict(forgeable))).toContain('any process may have written');
  });
});

describe('no error', () => {
  it('but a machine check in this boot, whose record is gone', () => {
    expect(verdict(report({}, 41, PANIC, TAINTED)).kind).toBe('machine_check_taint');
    expect(verdict(report(OLD, 41, PANIC, TAINTED)).kind).toBe('machine_check_taint');
  });

  it('counted, and none in the log', () => {
    expect(verdict(report({}, 41, PANIC))).toEqual({ kind: 'clean', restsOn: ['counters', 'log'] });
  });

  it('counted, says nothing of the log that is not there', () => {
    expect(verdict(crashReport())).toEqual({ kind: 'clean', restsOn: ['counters'] });
    expect(text(crashReport())).toContain('is not in the dump');
  });

  it('in the log of a kernel that does not count, from where that log begins', () => {
    expect(text(report(OLD, 0.5, 'Linux version', 41, PANIC))).toBe(
      'No counters in this kernel; its log has no hardware error',
    );
    const { log, ...rest } = report(OLD, 3600, 'usb 1-1: new device', 7200, PANIC);
    const cut = { ...rest, log: { ...log, firstSeq: 400 } } as CrashReport;
    expect(text(cut)).toBe(
      'No counters in this kernel; its log has no hardware error from 1 h after boot on',
    );
  });

  it('is not known where neither is there', () => {
    const of = crashReport({ ...absentLog('page_excluded'), ...OLD });
    expect(verdict(of)).toMatchObject({ kind: 'unknown', reason: 'kernel_without_hwerr' });
  });
});
