// A batch is recorded in few steps, each a round trip to a shared ledger, and says the same as its outcomes one after
// the other.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { type Batch, type Change, recordBatch } from '../../src/ledger/record.ts';
import type { Work } from '../../src/ledger/statements.ts';
import { Store } from '../../src/ledger/store.ts';
import type { FileOutcome } from '../../src/outcome.ts';
import { failed, reported } from '../support/daemon/ledgers.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const CRASH_TIME = 1_791_000_000;

function batchOf(outcomes: readonly FileOutcome[]): Batch {
  return {
    outcomes,
    gone: [],
    context: {
      hostRule: { fallback: 'unknown', pattern: undefined },
      suspectWindowSeconds: 300,
      nowSeconds: CRASH_TIME + 600,
    },
  };
}

function newStore(): Store {
  const directory = tempDir();
  Store.create(directory);
  return Store.open(directory, 'write');
}

/** What a ledger says of its crashes and failures, but for the order in which it recorded them. */
function toldBy(store: Store): object {
  return {
    crashes: store.rows(
      `SELECT boot_id, host, host_source, crash_seconds, verdict, report_json,
         (SELECT group_concat(path, ' ') FROM
           (SELECT path FROM crash_file WHERE crash = sequence ORDER BY position)) AS files,
         (SELECT group_concat(category || count, ' ') FROM crash_error WHERE crash = sequence) AS errors
       FROM crash ORDER BY boot_id, crash_seconds, report_json, files`,
    ),
    numbers: store.row('SELECT count(*) AS crashes, max(sequence) AS last FROM crash'),
    failures: store.rows('SELECT reason, path, content FROM failure ORDER BY reason, content'),
    totals: store.rows('SELECT * FROM failure_total ORDER BY reason'),
    files: store.rows('SELECT * FROM file ORDER BY root, path'),
    vmcoreinfo: store.rows('SELECT count(*) AS known FROM crash_vmcoreinfo'),
  };
}

/** Of a few boots, hosts and kernels, in a few files; a mark may be missing. */
const anyOutcome: fc.Arbitrary<FileOutcome> = fc
  .record({
    boot: fc.option(fc.nat(9), { freq: 5 }),
    host: fc.option(fc.nat(1), { freq: 2 }),
    kernel: fc.nat(1),
    file: fc.nat(11),
    hwerr: fc.constantFrom(
      counted({ pci: [2, CRASH_TIME - 5] }),
      counted({ memory: [1, CRASH_TIME - 900], pci: [1, CRASH_TIME - 1800] }),
      { kind: 'absent', reason: 'page_excluded' } as const,
      { kind: 'unreadable', reason: 'corrupt', message: 'why' } as const,
    ),
    isReport: fc.nat(7),
  })
  .map(({ boot, host, kernel, file, hwerr, isReport }) => {
    const path = `/var/crash/${file}/vmcore`;
    if (isReport === 0) return failed({ reason: 'io', message: '' }, { path, content: undefined });
    const report = crashReport({
      bootId: boot === null ? null : `boot-${boot}`,
      nodename: host === null ? null : `host-${host}`,
      crashTimeSeconds: CRASH_TIME,
      vmcoreinfoLines: `kernel ${kernel}`,
      hwerr,
    });
    // The same content gives the same report, in whatever file.
    return reported(report, { path, content: JSON.stringify([boot, host, kernel, hwerr]) });
  });

it('a batch says the same as its outcomes one after the other', () => {
  fc.assert(
    fc.property(fc.array(anyOutcome, { minLength: 2, maxLength: 24 }), (outcomes) => {
      const [together, alone] = [newStore(), newStore()];
      try {
        const changes = together.transaction(recordBatch(batchOf(outcomes)));
        const each = outcomes.flatMap((one) => alone.transaction(recordBatch(batchOf([one]))));
        expect(changes).toEqual(each);
        expect(toldBy(together)).toEqual(toldBy(alone));
      } finally {
        for (const store of [together, alone]) store.close();
      }
    }),
    { numRuns: 150, endOnFailure: true },
  );
});

it.each([
  ['new crashes', 0, 4],
  ['known crashes', 1, 6],
])('records 32 %s in few steps', (_what, known, most) => {
  const store = newStore();
  const outcomes = Array.from({ length: 32 }, (_, i) =>
    reported(
      crashReport({ bootId: `boot-${i}`, nodename: `host-${i}`, crashTimeSeconds: CRASH_TIME }),
      { path: `/var/crash/${i}/vmcore` },
    ),
  );
  for (let time = 0; time < known; time++) store.transaction(recordBatch(batchOf(outcomes)));
  const steps = { taken: 0 };
  store.transaction(counting(recordBatch(batchOf(outcomes)), steps));
  expect(steps.taken).toBeLessThanOrEqual(most);
  expect(store.row('SELECT count(*) AS crashes FROM crash')).toEqual({ crashes: 32 });
  store.close();
});

function* counting(work: Work<Change[]>, steps: { taken: number }): Work<Change[]> {
  let step = work.next();
  for (; step.done !== true; step = work.next(yield step.value)) steps.taken++;
  return step.value;
}
