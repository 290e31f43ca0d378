import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type Candidate,
  type CrashIdentity,
  newCrashId,
  sameCrash,
} from '../../src/ledger/identity.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import { failed, openTestLedger, recordReport, reported } from '../support/daemon/ledgers.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

describe('newCrashId', () => {
  const identity: CrashIdentity = {
    bootId: 'boot',
    crashTimeSeconds: 1100,
    nodename: 'a',
    pathHost: null,
    panicDigest: null,
    isOfPstore: false,
  };

  it('is a digest of the identity, the same each time, and says none of them', () => {
    const ids = [
      identity,
      { ...identity, bootId: 'other' },
      { ...identity, bootId: null },
      { ...identity, crashTimeSeconds: 1101 },
      { ...identity, nodename: null },
    ].map((one) => newCrashId(one, 'digest', ''));
    expect(new Set([...ids, newCrashId(identity, 'digest', '2')]).size).toBe(6);
    expect(newCrashId(identity, 'digest', '')).toBe(ids[0]);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is of VMCOREINFO where there is no boot id', () => {
    const unmarked = { ...identity, bootId: null };
    expect(newCrashId(unmarked, 'one', '')).not.toBe(newCrashId(unmarked, 'other', ''));
    expect(newCrashId(identity, 'one', '')).toBe(newCrashId(identity, 'other', ''));
  });
});

describe('sameCrash', () => {
  const maybe = <T>(...values: readonly T[]): fc.Arbitrary<T | null> =>
    fc.constantFrom(null, ...values);
  const anyMarks = fc.record({
    bootId: maybe('x', 'y'),
    crashTimeSeconds: maybe(1, 2),
    nodename: maybe('a', 'b'),
    pathHost: maybe('p', 'q'),
    panicDigest: maybe('m', 'n'),
    isOfPstore: fc.constant(false),
  });
  const anyCandidate: fc.Arbitrary<Omit<Candidate, 'sequence'>> = fc
    .tuple(
      anyMarks,
      fc.record({
        sharesVmcoreinfo: fc.boolean(),
        sharesPath: fc.boolean(),
        sharesContent: fc.boolean(),
        isNear: fc.boolean(),
      }),
    )
    .map(([identity, shares]) => ({ ...identity, ...shares }));
  const anyCandidates = fc
    .array(anyCandidate, { maxLength: 4 })
    .map((some) => some.map((one, i): Candidate => ({ ...one, sequence: i + 1 })));
  const property = (check: (identity: CrashIdentity, some: readonly Candidate[]) => void): void => {
    fc.assert(fc.property(anyMarks, anyCandidates, check), { numRuns: 5000 });
  };
  const differ = <T>(one: T | null, other: T | null): boolean =>
    one !== null && other !== null && one !== other;

  it('never is one whose boot, time or host is another, nor one of another path without its content', () => {
    property((identity, some) => {
      const same = sameCrash(identity, some);
      if (same === undefined) return;
      for (const mark of ['bootId', 'crashTimeSeconds', 'nodename'] as const) {
        expect(differ<unknown>(identity[mark], same[mark])).toBe(false);
      }
      expect(differ(identity.pathHost, same.pathHost) && !same.sharesContent).toBe(false);
    });
  });

  it('is proven by the boot, or by VMCOREINFO with a host on one side or one file', () => {
    property((identity, some) => {
      const same = sameCrash(identity, some);
      if (same === undefined) return;
      const isBoot = identity.bootId !== null && identity.bootId === same.bootId;
      const isFile = same.sharesPath || same.sharesContent;
      const hosts = [identity.nodename, identity.pathHost, same.nodename, same.pathHost];
      const isNamed = hosts.some((host) => host !== null);
      expect(isBoot || (same.sharesVmcoreinfo && (isFile || isNamed))).toBe(true);
    });
  });

  it('is found whenever a candidate says all the same and shares VMCOREINFO and path', () => {
    property((identity, some) => {
      const twin: Candidate = {
        ...{ ...identity, sequence: some.length + 1 },
        ...{ sharesVmcoreinfo: true, sharesPath: true, sharesContent: true, isNear: false },
      };
      expect(sameCrash(identity, [...some, twin])).toBeDefined();
    });
  });

  it('does not depend on the order of the candidates', () => {
    property((identity, some) => {
      expect(sameCrash(identity, [...some].reverse())).toBe(sameCrash(identity, some));
    });
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
    ['without boot ids, where one file does not know its host', [UNMARKED, BROKEN_OFF]],
    ['when the boot id comes last, by way of the others', [BROKEN_OFF, UNMARKED, PCI_3]],
    [
      'when only the boot id is the same',
      [PCI_3, { ...PCI_3, nodename: null, crashTimeSeconds: null, vmcoreinfoLines: 'another' }],
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

describe('one crash among a hundred', () => {
  const others = Array.from({ length: 100 }, (_, i) => i);

  it.each<
    [string, Partial<CrashReport>, Partial<CrashReport>, (i: number) => Partial<CrashReport>]
  >([
    [
      'of other boots with one VMCOREINFO, whose host was lost at first',
      { ...PCI_3, nodename: null },
      PCI_3,
      (i) => ({ ...PCI_3, bootId: `boot-${i}`, nodename: null }),
    ],
    [
      'of one VMCOREINFO, at other times',
      { ...UNMARKED, nodename: null },
      UNMARKED,
      (i) => ({ ...UNMARKED, nodename: null, crashTimeSeconds: i }),
    ],
  ])('%s, is found again', async (_name, first, again, other) => {
    const ledger = await openTestLedger();
    await Promise.all(
      others.map((i) => recordReport(ledger, crashReport(other(i)), `/others/${i}/vmcore`)),
    );
    await recordReport(ledger, crashReport(first), '/one/vmcore-incomplete');
    const { crashes } = ledger.view.total();
    await recordReport(ledger, crashReport(again), '/one/vmcore');
    expect(ledger.view.total().crashes).toBe(crashes);
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
      { ...UNMARKED, crashTimeSeconds: 1_791_000_352, vmcoreinfoLines: 'CRASHTIME=1791000352' },
    ],
    ['of clones with one boot id, on two hosts', PCI_3, { ...PCI_3, nodename: 'clone' }],
    [
      'of a machine that was set back, with one boot id, at two times',
      PCI_3,
      { ...PCI_3, crashTimeSeconds: 1_791_000_352, vmcoreinfoLines: 'CRASHTIME=1791000352' },
    ],
    [
      'of hosts that are not known, with one VMCOREINFO',
      { ...UNMARKED, nodename: null },
      { ...UNMARKED, nodename: '(none)' },
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

describe('hosts that are not known', () => {
  const unknown: Partial<CrashReport> = { ...UNMARKED, nodename: null, incomplete: true };

  it('have one crash in a file that grows, or is copied', async () => {
    const ledger = await openTestLedger();
    const report = crashReport(unknown);
    await ledger.record(reported(report, { path: '/a/vmcore', content: 'half' }));
    await ledger.record(reported(report, { path: '/a/vmcore', content: 'more' }));
    await ledger.record(reported(report, { path: '/b/vmcore', content: 'more' }));
    expect(ledger.view.total().crashes).toBe(1);
  });

  it('get their names from complete dumps that come later, each its own', async () => {
    const directory = tempDir();
    const ledger = await openTestLedger({ directory });
    for (const name of ['a', 'b']) {
      await ledger.record(reported(crashReport(unknown), { path: `/${name}/vmcore-incomplete` }));
    }
    expect(ledger.view.hostTotals('unknown')).toMatchObject({ isFallback: true, crashes: 2 });
    await recordReport(ledger, crashReport({ ...UNMARKED, nodename: 'a' }), '/a/vmcore');
    expect(ledger.view.hostTotals('unknown')).toMatchObject({ crashes: 1 });
    await recordReport(ledger, crashReport({ ...UNMARKED, nodename: 'b' }), '/b/vmcore');
    const check = ({ view }: typeof ledger): void => {
      expect(view.total().crashes).toBe(2);
      expect(view.hosts()).toEqual(['a', 'b']);
      for (const host of ['a', 'b']) {
        expect(view.hostTotals(host)).toMatchObject({ crashes: 1, isFallback: false });
        expect(view.hostTotals(host)?.byCategory.get('pci')?.errors).toBe(3);
      }
    };
    check(ledger);
    await ledger.close();
    check(await openTestLedger({ directory }));
  });
});

describe('a pattern that takes the host from the path', () => {
  const hostRule = { fallback: 'unknown', pattern: /^\/srv\/([^/]+)\// };

  it('keeps the dumps of one host out of the crashes of another, whatever they say', async () => {
    const ledger = await openTestLedger({ hostRule });
    await recordReport(ledger, crashReport(PCI_3), '/srv/victim/vmcore');
    const forged = crashReport({ hwerr: counted({ pci: [4_000_000_000, 1000] }) });
    await recordReport(ledger, forged, '/srv/attacker/vmcore');
    expect(ledger.view.hostTotals('victim')?.byCategory.get('pci')?.errors).toBe(3);
    expect(ledger.view.hostTotals('victim')?.crashes).toBe(1);
  });

  it('does not make a second crash of a copy', async () => {
    const ledger = await openTestLedger({ hostRule });
    for (const path of ['/srv/web/vmcore', '/srv/archive/vmcore']) {
      await ledger.record(reported(crashReport(PCI_3), { path, content: 'one' }));
    }
    expect(ledger.view.total().crashes).toBe(1);
  });

  it('names the host of a file that tells no crash', async () => {
    const ledger = await openTestLedger({ hostRule });
    await ledger.record(failed({ reason: 'truncated', message: '' }, { path: '/srv/web/vmcore' }));
    expect([...ledger.view.recentFailures()]).toMatchObject([{ host: 'web', reason: 'truncated' }]);
  });
});
