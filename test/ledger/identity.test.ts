import { describe, expect, it } from 'vitest';

import { infoDigest, newCrashId } from '../../src/ledger/identity.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

describe('infoDigest', () => {
  it('is that of the set of lines, however they are ordered, ended or padded', () => {
    const digest = infoDigest('OSRELEASE=7.3.4\nCRASHTIME=1100\n');
    expect(infoDigest('CRASHTIME=1100\nOSRELEASE=7.3.4')).toBe(digest);
    expect(infoDigest('CRASHTIME=1100\n\nOSRELEASE=7.3.4\nCRASHTIME=1100\n\0\0\0')).toBe(digest);
    expect(infoDigest('OSRELEASE=7.3.4\nCRASHTIME=1101\n')).not.toBe(digest);
  });
});

describe('newCrashId', () => {
  it('is the boot id', () => {
    const report = crashReport();
    expect(newCrashId(report, 'digest')).toBe(report.bootId);
  });

  it('is a digest of VMCOREINFO and the host name where there is no boot id', () => {
    const report = crashReport({ bootId: null });
    const id = newCrashId(report, 'digest');
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const others = [
      newCrashId({ ...report, nodename: 'otherhost' }, 'digest'),
      newCrashId({ ...report, nodename: null }, 'digest'),
      newCrashId(report, 'another'),
    ];
    expect(new Set([id, ...others]).size).toBe(4);
  });
});

const PCI_3: Partial<CrashReport> = { hwerr: counted({ pci: [3, 1000] }) };
const BROKEN_OFF: Partial<CrashReport> = {
  ...{ bootId: null, nodename: null, incomplete: true },
  hwerr: { kind: 'absent', reason: 'page_lost' },
};
const UNMARKED: Partial<CrashReport> = { ...PCI_3, bootId: null };

describe('it is one crash', () => {
  it.each<[string, readonly Partial<CrashReport>[]]>([
    ['in two files of one boot', [PCI_3, { ...PCI_3, container: 'elf', flattened: true }]],
    ['in a snapshot and a later dump', [{ ...PCI_3, crashTimeSeconds: null }, PCI_3]],
    ['in an incomplete dump and the complete one', [BROKEN_OFF, PCI_3]],
    ['in a complete dump and an incomplete copy', [PCI_3, BROKEN_OFF]],
    ['without boot ids, by VMCOREINFO and host', [UNMARKED, UNMARKED]],
    [
      'without boot ids, when VMCOREINFO is padded',
      [UNMARKED, { ...UNMARKED, vmcoreinfoText: 'CRASHTIME=1791000351\nOSRELEASE=7.3.4\n\0' }],
    ],
    ['without boot ids, where one file does not know its host', [UNMARKED, BROKEN_OFF]],
    ['when the boot id comes last, by way of the others', [BROKEN_OFF, UNMARKED, PCI_3]],
    [
      'when only the boot id is the same',
      [
        PCI_3,
        { ...PCI_3, nodename: null, crashTimeSeconds: null, vmcoreinfoText: 'OSRELEASE=7\n' },
      ],
    ],
  ])('%s', async (_name, files) => {
    const directory = tempDir();
    const ledger = await openTestLedger({ directory });
    for (const file of files) await recordReport(ledger, crashReport(file));
    expect(ledger.view.total().crashes).toBe(1);
    expect(ledger.view.total().byCategory.get('pci')?.errors).toBe(3);
    await ledger.close();
    const reopened = await openTestLedger({ directory });
    for (const file of files) await recordReport(reopened, crashReport(file));
    expect(reopened.view.total().crashes).toBe(1);
    expect(reopened.view.total().byCategory.get('pci')?.errors).toBe(3);
  });
});

describe('there are two crashes', () => {
  it.each<[string, Partial<CrashReport>, Partial<CrashReport>]>([
    ['of two boots that say the same', PCI_3, { ...PCI_3, bootId: 'other' }],
    [
      'of two hosts without boot ids, with one kernel, in one second',
      UNMARKED,
      { ...UNMARKED, nodename: 'otherhost' },
    ],
    [
      'of one host without boot ids, a second apart',
      UNMARKED,
      { ...UNMARKED, vmcoreinfoText: 'OSRELEASE=7.3.4\nCRASHTIME=1791000352\n' },
    ],
  ])('%s', async (_name, one, other) => {
    for (const files of [
      [one, other],
      [other, one],
    ]) {
      const ledger = await openTestLedger();
      await Promise.all(files.map((file) => recordReport(ledger, crashReport(file))));
      expect(ledger.view.total().crashes).toBe(2);
      expect(ledger.view.total().byCategory.get('pci')?.errors).toBe(6);
      const ids = Array.from(ledger.view.crashes(), ({ id }) => id);
      expect(ids.map((id) => ledger.view.crash(id)?.id)).toEqual(ids);
      expect(new Set(ids).size).toBe(2);
    }
  });
});
