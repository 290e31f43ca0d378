// A panic in pstore is one crash, with its dump or without, whichever comes first, wherever it is moved.

import { describe, expect, it } from 'vitest';

import { decodeFile } from '../../src/decode/decode-file.ts';
import { type CrashReport, absentLog } from '../../src/vmcore/index.ts';
import { openTestLedger, reported } from '../support/daemon/ledgers.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import {
  PSTORE_TIME,
  pstoreLines,
  pstoreParts,
  writeMoved,
  writePstore,
} from '../support/dumps/pstore-files.ts';
import { tempDir } from '../support/system/temp-dir.ts';

type Ledger = Awaited<ReturnType<typeof openTestLedger>>;

const HOST_RULE = { fallback: 'labhost', pattern: undefined };
const PARTS = pstoreParts(pstoreLines());
/** A second later: the next boot of the host cannot have panicked yet. */
const DUMPED = PSTORE_TIME + 1;

interface File {
  readonly path: string;
  readonly report: CrashReport;
}

async function recordOf(path: string): Promise<File> {
  const outcome = await decodeFile(path, { symbolPaths: [] });
  if (outcome.kind !== 'report') throw new Error(JSON.stringify(outcome));
  return { path, report: outcome.report };
}

const recordsOf = (paths: readonly string[]): Promise<File[]> =>
  Promise.all(paths.map((path) => recordOf(path)));

/** The dump of a crash, with the log that its record in pstore has the end of, or another one. */
async function dump(lines = pstoreLines(), changes: Partial<CrashReport> = {}): Promise<File> {
  const [path] = writePstore(tempDir(), 'efi', pstoreParts(lines));
  const { log, hardwareEvents, loggedErrors, crash, panicMessage } = (await recordOf(path!)).report;
  // A ring has nanoseconds, and all records.
  const exact = crash && { ...crash, uptimeSeconds: (crash.uptimeSeconds ?? 0) + 789e-9 };
  const whole = log.source === 'absent' ? log : { ...log, source: 'ring' as const, records: 500 };
  const report = crashReport({
    ...{ log: whole, hardwareEvents, loggedErrors, crash: exact, panicMessage },
    hwerr: counted({ pci: [7, DUMPED - 9] }),
    crashTimeSeconds: DUMPED,
    ...changes,
  });
  return { path: '/var/crash/1/vmcore', report };
}

async function recorded(...files: readonly File[]): Promise<Ledger> {
  const ledger = await openTestLedger({ hostRule: HOST_RULE });
  for (const { path, report } of files) await ledger.record(reported(report, { path }));
  return ledger;
}

function orders<T>(items: readonly T[]): T[][] {
  return items.length <= 1
    ? [[...items]]
    : items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

describe('a record of a panic', () => {
  it('is a crash of this host, without a failure, and its log is counted', async () => {
    const [path] = writePstore(tempDir(), 'efi', PARTS);
    const ledger = await recorded(await recordOf(path!));
    const [crash] = ledger.view.crashes();
    expect(crash).toMatchObject({ host: 'labhost', verdict: { kind: 'logged_suspect' } });
    expect(ledger.view.failures()).toEqual({});
    expect(ledger.view.dumpsWithoutHwerr()).toBe(0);
    const { crashes, logged, lastRecorded } = ledger.view.total();
    expect([crashes, logged.map(({ events }) => events), lastRecorded?.id]).toEqual([
      1,
      [1],
      crash!.id,
    ]);
    expect(ledger.view.total().byCategory.get('pci')?.errors ?? 0).toBe(0);
  });

  it.each(['efi', 'ramoops'] as const)(
    'is one crash however many parts %s has',
    async (backend) => {
      const ledger = await recorded(...(await recordsOf(writePstore(tempDir(), backend, PARTS))));
      expect(ledger.view.total().crashes).toBe(1);
    },
  );

  it('and its dump are one crash in whichever order they come, with the counters of the dump', async () => {
    const records = await recordsOf([
      writePstore(tempDir(), 'efi', PARTS)[1]!,
      writePstore(tempDir(), 'ramoops', PARTS)[0]!,
      writeMoved(tempDir(), PARTS),
    ]);
    for (const order of orders([await dump(), ...records])) {
      const ledger = await recorded(...order);
      const [crash, ...others] = ledger.view.crashes();
      expect(others).toEqual([]);
      expect(crash!.report).toMatchObject({
        container: 'kdump',
        crashTimeSeconds: DUMPED,
        hwerr: { kind: 'present' },
        log: { records: 500 },
      });
      const total = ledger.view.total();
      expect([total.crashes, total.byCategory.get('pci')?.errors]).toEqual([1, 7]);
      expect(total.logged).toMatchObject([{ category: 'pci', events: 1 }]);
    }
  });

  it('is that of a dump without a log, if the same host died within a minute', async () => {
    const { path, report } = await dump(pstoreLines(), absentLog('page_excluded'));
    const bare = { path, report: { ...report, panicMessage: null } };
    const later = { ...bare, report: { ...bare.report, crashTimeSeconds: DUMPED + 3600 } };
    const elsewhere = { ...bare, report: { ...bare.report, nodename: 'other' } };
    const record = await recordOf(writeMoved(tempDir(), PARTS));
    for (const [other, crashes] of [
      [bare, 1],
      [later, 2],
      [elsewhere, 2],
    ] as const) {
      for (const order of orders([other, record])) {
        expect((await recorded(...order)).view.total().crashes).toBe(crashes);
      }
    }
  });

  it('is that of the rest of its parts, which were moved apart', async () => {
    const whole = pstoreParts(pstoreLines());
    const old = writeMoved(tempDir(), whole.slice(2));
    const young = writeMoved(tempDir(), whole.slice(0, 2), PSTORE_TIME + 2);
    for (const order of orders(await recordsOf([old, young]))) {
      const ledger = await recorded(...order);
      const [crash, ...others] = ledger.view.crashes();
      expect(others).toEqual([]);
      expect(crash!.report.panicMessage).toContain('sysrq');
    }
  });
});

describe('two panics', () => {
  it.each([
    ['another line', pstoreLines('   41.756123', 'Fatal exception')],
    ['another microsecond', pstoreLines('   41.756124')],
  ])('with %s are two crashes, however soon one follows the other', async (_name, lines) => {
    const record = await recordOf(writeMoved(tempDir(), PARTS));
    for (const order of orders([await dump(lines), record])) {
      expect((await recorded(...order)).view.total().crashes).toBe(2);
    }
    const other = await recordOf(writeMoved(tempDir(), pstoreParts(lines), PSTORE_TIME + 20));
    expect((await recorded(record, other)).view.total().crashes).toBe(2);
  });

  it('of hosts that nothing names are two crashes, and so are those with one text and no times', async () => {
    const [path] = writePstore(tempDir(), 'ramoops', PARTS);
    const bare = await dump(pstoreLines(), { ...absentLog('page_excluded'), nodename: null });
    const ledger = await openTestLedger(); // in central mode
    for (const file of [await recordOf(writeMoved(tempDir(), PARTS)), bare]) {
      await ledger.record(reported(file.report, { path: file.path }));
    }
    expect(ledger.view.total().crashes).toBe(2);
    expect(path).toBeDefined();
    const untimed = pstoreParts(pstoreLines().map((line) => line.replace(/\[[^\]]*\] /, '')));
    const two = await recordsOf([
      writeMoved(tempDir(), untimed),
      writeMoved(tempDir(), untimed, PSTORE_TIME + 7200),
    ]);
    expect((await recorded(...two)).view.total().crashes).toBe(2);
  });
});
