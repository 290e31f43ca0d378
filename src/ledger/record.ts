// How one file's outcome changes the ledger. Runs within a transaction.

import type { Failure, FailureReason } from '../failure.ts';
import type { FileOutcome } from '../outcome.ts';
import type { CrashReport } from '../vmcore/index.ts';
import { type Crash, isOfPstore, merged, storedReport, withReport } from './crash.ts';
import {
  candidates,
  crashAt,
  number,
  putCrash,
  putErrors,
  putFile,
  putLogged,
} from './crash-rows.ts';
import { type HostRule, hostName, hostOf, pathHost } from './host-name.ts';
import { panicMark } from './logs.ts';
import { type CrashIdentity, newCrashId, sameCrash, sha256 } from './identity.ts';
import type { Store } from './store.ts';
import { StoreError } from './store-error.ts';

/** A file that is not there any more. */
export interface GoneFile {
  readonly root: string;
  readonly path: string;
}

/** What goes into the ledger in one transaction. */
export interface Batch {
  readonly outcomes: readonly FileOutcome[];
  readonly gone: readonly GoneFile[];
  readonly context: RecordContext;
  /** Who writes. */
  readonly owner: string;
}

interface RecordContext {
  readonly hostRule: HostRule;
  readonly suspectWindowSeconds: number;
  readonly nowSeconds: number;
}

/** What an outcome changed, for what is kept in memory. */
export interface Change {
  /** Why the file gave no counters though it should have. */
  readonly failure?: Failure;
  /** The host that the path of such a file names. */
  readonly failedHost?: string;
  readonly crash?: { readonly before: Crash | undefined; readonly after: Crash };
  /** The content was not counted before, under this reason. */
  readonly counted?: CountedReason;
}

export type CountedReason = FailureReason | 'kernel_without_hwerr';

/**
 * Make `owner` the one who writes: a daemon that finds another one there has been replaced.
 *
 * @throws StoreError.
 */
export function takeOver(store: Store, owner: string): void {
  store.transaction(() => {
    store.run(`INSERT OR REPLACE INTO meta VALUES ('owner', ?)`, [owner]);
  });
}

/**
 * Record a batch in one transaction.
 *
 * @returns the changes of each outcome.
 * @throws StoreError: nothing of the batch is in the ledger; `busy` when another daemon took it over.
 */
export function recordBatch(store: Store, { outcomes, gone, context, owner }: Batch): Change[] {
  return store.transaction(() => {
    if (store.row(`SELECT value FROM meta WHERE key = 'owner'`)?.['value'] !== owner) {
      throw new StoreError('busy', 'another daemon took the ledger over');
    }
    store.run(
      `INSERT INTO meta VALUES ('commits', '1')
         ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1`,
    );
    for (const { root, path } of gone) {
      store.run('DELETE FROM file WHERE root = ? AND path = ?', [root, path]);
    }
    return outcomes.map((outcome) => record(store, outcome, context));
  });
}

/** Take one outcome in; called again with the same outcome, it changes nothing more. */
function record(store: Store, outcome: FileOutcome, context: RecordContext): Change {
  if (outcome.kind === 'failure') return failed(store, outcome, outcome.failure, context);
  const { root, path, version, report } = outcome;
  const crash = recordCrash(store, outcome, report, context);
  const { hwerr } = report;
  // A part of a split dump, or a poorer copy: the crash has its counters, nothing is wrong.
  const isAnswered = hwerr.kind === 'present' || crash.after.report.hwerr.kind === 'present';
  const isFine = isAnswered || hwerr.reason === 'kernel_without_hwerr' || hwerr.reason === 'pstore';
  if (!isFine) {
    const message = hwerr.kind === 'unreadable' ? hwerr.message : 'the dump gives no counters';
    return { crash, ...failed(store, outcome, { reason: hwerr.reason, message }, context) };
  }
  store.run('INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)', [
    root,
    path,
    version,
    report.incomplete ? 'incomplete' : 'complete',
  ]);
  if (isAnswered || isOfPstore(report)) return { crash };
  const failure = { reason: 'kernel_without_hwerr', message: '' } as const;
  return { crash, ...countOnce(store, outcome, failure, context) };
}

function failed(
  store: Store,
  outcome: FileOutcome,
  failure: Failure,
  context: RecordContext,
): Change {
  const host = pathHost(outcome.path, context.hostRule);
  return {
    failure,
    ...(host !== null && { failedHost: host }),
    ...countOnce(store, outcome, failure, context),
  };
}

function recordCrash(
  store: Store,
  { path, content }: FileOutcome,
  report: CrashReport,
  context: RecordContext,
): NonNullable<Change['crash']> {
  const { hostRule, nowSeconds, suspectWindowSeconds } = context;
  const digest = sha256(report.vmcoreinfoLines);
  const { bootId, crashTimeSeconds, nodename } = report;
  const identity: CrashIdentity = {
    ...{ bootId, crashTimeSeconds, nodename: hostName(nodename) },
    pathHost: pathHost(path, hostRule),
    panicMark: panicMark(report),
    isOfPstore: isOfPstore(report),
  };
  const named = hostOf(nodename, path, hostRule);
  const sought = { digest, path, content, host: named.host };
  const same = sameCrash(identity, candidates(store, identity, sought));
  const before = same && crashAt(store, same.sequence);
  const next = storedReport(report);
  const sequence = before?.sequence ?? lastSequence(store) + 1;
  const known = before ?? {
    id: freeId(store, identity, digest, sequence),
    sequence,
    paths: [],
    recordedSeconds: nowSeconds,
    suspectWindowSeconds,
  };
  // A fallback is no host: what is said later replaces it.
  const isNamed = before !== undefined && before.hostSource !== 'fallback';
  const after: Crash = {
    ...withReport(known, before ? merged(before.report, next) : next),
    host: isNamed ? before.host : named.host,
    hostSource: isNamed ? before.hostSource : named.source,
  };
  store.run('INSERT OR IGNORE INTO host (name) VALUES (?)', [after.host]);
  if (before === undefined || hasChanged(before, after)) {
    putCrash(store, after);
    putErrors(store, after, nowSeconds);
    putLogged(store, after);
  }
  store.run('INSERT OR IGNORE INTO crash_vmcoreinfo VALUES (?, ?)', [digest, sequence]);
  const paths = putFile(store, sequence, path, content ?? null);
  return { before, after: { ...after, paths } };
}

function hasChanged(before: Crash, after: Crash): boolean {
  return JSON.stringify({ ...before, paths: [] }) !== JSON.stringify({ ...after, paths: [] });
}

function lastSequence(store: Store): number {
  return number(store.row('SELECT max(sequence) AS last FROM crash')?.['last']) ?? 0;
}

function freeId(store: Store, identity: CrashIdentity, digest: string, sequence: number): string {
  const id = newCrashId(identity, digest, '');
  const isTaken = store.row('SELECT 1 FROM crash WHERE id = ?', [id]) !== undefined;
  return isTaken ? newCrashId(identity, digest, String(sequence)) : id;
}

/** With so many contents a new one takes the place of any other: a copy of that may count again. */
const MAX_COUNTED = 100_000;
const MAX_MESSAGE_LENGTH = 1000;

interface Uncounted {
  readonly reason: CountedReason;
  readonly message: string;
}

/** Count a content under a reason, unless it is counted already. */
function countOnce(
  store: Store,
  { path, version, content }: FileOutcome,
  { reason, message }: Uncounted,
  { hostRule, nowSeconds }: RecordContext,
): Pick<Change, 'counted'> {
  const key = content ?? sha256(`${path}\0${version}`);
  const isNew = store.run(
    `INSERT OR IGNORE INTO failure (reason, content, path, host, message, recorded_seconds)
       VALUES (?, ?, ?, ?, ?, ?)`,
    [reason, key, path, pathHost(path, hostRule), message.slice(0, MAX_MESSAGE_LENGTH), nowSeconds],
  );
  if (isNew === 0) return {};
  store.run(
    `INSERT INTO failure_total VALUES (?, 1) ON CONFLICT (reason) DO UPDATE SET count = count + 1`,
    [reason],
  );
  forgetOne(store, reason, key);
  return { counted: reason };
}

/** Keys are digests, so the one that comes after `key` is any. */
function forgetOne(store: Store, reason: string, key: string): void {
  const all = number(store.row('SELECT sum(count) AS count FROM failure_total')?.['count']) ?? 0;
  if (all <= MAX_COUNTED) return;
  const rows = number(store.row('SELECT count(*) AS count FROM failure')?.['count']) ?? 0;
  if (rows <= MAX_COUNTED) return;
  store.run(
    `DELETE FROM failure WHERE number = coalesce(
       (SELECT number FROM failure WHERE reason = :reason AND content > :key ORDER BY content LIMIT 1),
       (SELECT number FROM failure WHERE NOT (reason = :reason AND content = :key) ORDER BY number LIMIT 1))`,
    { reason, key },
  );
}
