// How the outcome of one file changes the ledger. Runs within a transaction.

import { dirname } from 'node:path';
import {
  FAILURE_REASONS,
  type Failure,
  type FailureReason,
  READ_FAILURES,
  isTransient,
} from '../failure.ts';
import type { FileOutcome } from '../outcome.ts';
import { type Shard, shardText } from '../shard.ts';
import type { CrashReport } from '../vmcore/index.ts';
import {
  type CountedCrash,
  type StoredReport,
  isOfPstore,
  merged,
  storedReport,
  withReport,
} from './crash.ts';
import {
  candidateIn,
  crashesIn,
  number,
  putCrash,
  putFile,
  selectCandidates,
  selectCrashesAt,
  selectFiles,
} from './crash-rows.ts';
import { type HostRule, hostName, hostOf, pathHost } from './host-name.ts';
import { panicDigest } from './logs.ts';
import { type CrashIdentity, newCrashId, sameCrash, sha256 } from './identity.ts';
import {
  type Answer,
  type Statement,
  type Work,
  change,
  placesFor,
  row,
  run,
  select,
  together,
} from './statements.ts';
import { StoreError } from './store-error.ts';

/** A file that no longer exists. */
export interface GoneFile {
  readonly root: string;
  readonly path: string;
}

/** The content of one transaction. */
export interface Batch {
  readonly outcomes: readonly FileOutcome[];
  readonly gone: readonly GoneFile[];
  readonly context: RecordContext;
}

interface RecordContext {
  readonly hostRule: HostRule;
  readonly suspectWindowSeconds: number;
  readonly nowSeconds: number;
}

/** The result of recording an outcome. */
export interface Change {
  /** Why the file gave no counters although it should have. */
  readonly failure?: Failure;
  /** The host in the path of such a file. */
  readonly failedHost?: string;
}

/**
 * Makes `owner` the only daemon that may write. A daemon that later finds another owner has been replaced.
 *
 * @throws StoreError `other_shard` if the ledger has the hosts of another shard.
 */
export function* takeOver(owner: string, shard: Shard | undefined): Work<void> {
  yield* requireShard(shard === undefined ? ALL_HOSTS : shardText(shard));
  yield* run(
    `INSERT INTO meta VALUES ('owner', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    [owner],
  );
}

/** The shard with all hosts; also that of a ledger without a recorded shard. */
const ALL_HOSTS = '0/1';

/**
 * Refuses a changed shard: hosts that belong to another shard now would be counted by two collectors, or
 * their counters would decrease.
 */
function* requireShard(wanted: string): Work<void> {
  const kept = (yield* row(`SELECT value FROM meta WHERE key = 'shard'`))?.['value'] ?? ALL_HOSTS;
  if (kept === wanted) return;
  const [last] = yield* together([LAST_SEQUENCE]);
  if (sequenceIn(last) > 0) {
    throw new StoreError('other_shard', `the ledger is of shard ${kept}, not of ${wanted}`);
  }
  yield* run(
    `INSERT INTO meta VALUES ('shard', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    [wanted],
  );
}

/** @throws StoreError `busy` if another daemon has taken the ledger over. */
export function* requireOwner(owner: string): Work<void> {
  if ((yield* row(`SELECT value FROM meta WHERE key = 'owner'`))?.['value'] === owner) return;
  throw new StoreError('busy', 'another daemon took the ledger over');
}

/** Records a batch within one transaction. @returns the change of each outcome. */
export function* recordBatch({ outcomes, gone, context }: Batch): Work<Change[]> {
  yield* together(
    gone.map(({ root, path }) =>
      change('DELETE FROM file WHERE root = ? AND path = ?', [root, path]),
    ),
  );
  const changes: Change[] = [];
  for (const outcome of outcomes) changes.push(yield* record(outcome, context));
  return changes;
}

/** Limit of PostgreSQL's index entries; files with longer paths are decoded again after a restart. */
const MAX_REMEMBERED_BYTES = 2000;

/** Records one outcome; recording the same outcome again changes nothing. */
function* record(outcome: FileOutcome, context: RecordContext): Work<Change> {
  const { root, path, version } = outcome;
  if (outcome.kind === 'failure') {
    if (!isTransient(outcome.failure.reason)) yield* together([wasRead(root, path)]);
    return yield* failed(outcome, outcome.failure, context);
  }
  const { report } = outcome;
  const { crash, changes } = yield* crashOfFile(outcome, report, context);
  const { hwerr } = report;
  changes.push(wasRead(root, path));
  // A part of a split dump, or a poorer copy, is no failure if the crash already has its counters.
  const isAnswered = hwerr.kind === 'present' || crash.hwerr.kind === 'present';
  const isFine = isAnswered || hwerr.reason === 'kernel_without_hwerr' || hwerr.reason === 'pstore';
  if (isFine && Buffer.byteLength(root + path) <= MAX_REMEMBERED_BYTES) {
    changes.push(
      change(
        `INSERT INTO file VALUES (?, ?, ?, ?) ON CONFLICT (root, path) DO UPDATE SET
           version = excluded.version, result = excluded.result`,
        [root, path, version, report.incomplete ? 'incomplete' : 'complete'],
      ),
    );
  }
  yield* together(changes);
  if (!isFine) {
    const message = hwerr.kind === 'unreadable' ? hwerr.message : 'the dump gives no counters';
    return yield* failed(outcome, { reason: hwerr.reason, message }, context);
  }
  if (!isAnswered && !isOfPstore(report)) {
    yield* countOnce(outcome, { reason: 'kernel_without_hwerr', message: '' }, context);
  }
  return {};
}

function* failed(outcome: FileOutcome, failure: Failure, context: RecordContext): Work<Change> {
  const host = pathHost(outcome.path, context.hostRule);
  yield* countOnce(outcome, failure, context);
  return { failure, ...(host !== null && { failedHost: host }) };
}

/** Removes the failures to read a file, or a directory above it, because it was read now. They stay counted. */
function wasRead(root: string, path: string): Statement {
  const paths: string[] = [];
  for (let one = path; one.length > root.length; one = dirname(one)) paths.push(one);
  return change(
    `DELETE FROM failure WHERE length(path) <= 500 AND path IN (${placesFor(paths)})
       AND reason IN (${placesFor(READ_FAILURES)})`,
    [...paths, ...READ_FAILURES],
  );
}

/** Removes the failures of the files of a crash, because another file of it gave the counters. They stay counted. */
function wasAnswered(sequence: number): Statement {
  return change(
    `DELETE FROM failure WHERE reason IN (${placesFor(FAILURE_REASONS)})
       AND content IN (SELECT content FROM crash_file WHERE crash = ?)`,
    [...FAILURE_REASONS, sequence],
  );
}

/** A crash after one of its files was decoded. */
interface ChangedCrash {
  /** Merged from all of its files. */
  readonly crash: StoredReport;
  /** What is to be run for it. */
  readonly changes: Statement[];
}

/**
 * Finds the crash of a file, or makes a new one. Writers exclude each other, also over a network, so the
 * statements are sent in as few steps as possible.
 */
function* crashOfFile(
  { path, content }: FileOutcome,
  report: CrashReport,
  context: RecordContext,
): Work<ChangedCrash> {
  const { hostRule, nowSeconds, suspectWindowSeconds } = context;
  const digest = sha256(report.vmcoreinfoLines);
  const { bootId, crashTimeSeconds, nodename } = report;
  const identity: CrashIdentity = {
    ...{ bootId, crashTimeSeconds, nodename: hostName(nodename) },
    pathHost: pathHost(path, hostRule),
    panicDigest: panicDigest(report),
    isOfPstore: isOfPstore(report),
  };
  const named = hostOf(nodename, path, hostRule);
  const id = newCrashId(identity, digest, '');
  const [found, last, taken] = yield* together([
    selectCandidates(identity, { digest, path, content, host: named.host }),
    LAST_SEQUENCE,
    select('SELECT 1 FROM crash WHERE id = ?', [id]),
  ]);
  const same = sameCrash(identity, (found?.rows ?? []).map(candidateIn));
  const [crashes, files] =
    same === undefined
      ? []
      : yield* together([selectCrashesAt([same.sequence]), selectFiles(same.sequence)]);
  const [before] = same === undefined ? [] : crashesIn(crashes?.rows ?? [], [same.sequence]);
  const next = storedReport(report);
  const sequence = before?.sequence ?? sequenceIn(last) + 1;
  const known = before ?? {
    id: taken?.rows.length === 0 ? id : newCrashId(identity, digest, String(sequence)),
    sequence,
    recordedSeconds: nowSeconds,
    suspectWindowSeconds,
  };
  // A fallback is replaced as soon as a host is known.
  const isNamed = before !== undefined && before.hostSource !== 'fallback';
  const after: CountedCrash = {
    ...withReport(known, before ? merged(before.report, next) : next),
    host: isNamed ? before.host : named.host,
    hostSource: isNamed ? before.hostSource : named.source,
  };
  const isChanged = before === undefined || hasChanged(before, after);
  const isAnswered = before !== undefined && !hasCounters(before) && hasCounters(after);
  const changes = [
    change(
      `INSERT INTO host VALUES ((SELECT coalesce(max(number), 0) + 1 FROM host), ?)
         ON CONFLICT (name) DO NOTHING`,
      [after.host],
    ),
    ...(isChanged ? putCrash(after, nowSeconds) : []),
    change(
      `INSERT INTO crash_vmcoreinfo VALUES (?, ?, ?)
         ON CONFLICT (digest, crash) DO UPDATE SET boot_id = excluded.boot_id`,
      [digest, sequence, after.report.bootId],
    ),
    ...putFile(sequence, path, content ?? null, files?.rows ?? []),
    ...(isAnswered ? [wasAnswered(sequence)] : []),
  ];
  return { crash: after.report, changes };
}

function hasCounters({ report }: CountedCrash): boolean {
  return report.hwerr.kind === 'present';
}

function hasChanged(before: CountedCrash, after: CountedCrash): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}

const LAST_SEQUENCE = select('SELECT max(sequence) AS last FROM crash');

/** Returns what LAST_SEQUENCE finds; 0 if there is no crash. */
function sequenceIn(answer: Answer | undefined): number {
  return number(answer?.rows[0]?.['last']) ?? 0;
}

/**
 * Maximum number of remembered contents; beyond it a new one replaces another, whose copies may then count
 * again.
 */
const MAX_COUNTED = 100_000;
const MAX_MESSAGE_LENGTH = 1000;

interface Uncounted {
  readonly reason: FailureReason | 'kernel_without_hwerr';
  readonly message: string;
}

/** Counts a content under a reason, unless it is already counted. */
function* countOnce(
  { path, version, content }: FileOutcome,
  { reason, message }: Uncounted,
  { hostRule, nowSeconds }: RecordContext,
): Work<void> {
  const key = content ?? sha256(`${path}\0${version}`);
  const isNew = yield* run(
    `INSERT INTO failure (number, reason, content, path, host, message, recorded_seconds)
       VALUES ((SELECT coalesce(max(number), 0) + 1 FROM failure), ?, ?, ?, ?, ?, ?)
       ON CONFLICT (reason, content) DO NOTHING`,
    [reason, key, path, pathHost(path, hostRule), message.slice(0, MAX_MESSAGE_LENGTH), nowSeconds],
  );
  if (isNew === 0) return;
  const [, all] = yield* together([
    change(
      `INSERT INTO failure_total VALUES (?, 1)
         ON CONFLICT (reason) DO UPDATE SET count = failure_total.count + 1`,
      [reason],
    ),
    select('SELECT sum(count) AS count FROM failure_total'),
  ]);
  if ((number(all?.rows[0]?.['count']) ?? 0) > MAX_COUNTED) yield* forgetOne(reason, key);
}

/** Removes one content if there are too many. Keys are digests, so the next key after `key` is an arbitrary one. */
function* forgetOne(reason: string, key: string): Work<void> {
  const rows = number((yield* row('SELECT count(*) AS count FROM failure'))?.['count']) ?? 0;
  if (rows <= MAX_COUNTED) return;
  yield* run(
    `DELETE FROM failure WHERE number = coalesce(
       (SELECT number FROM failure WHERE reason = :reason AND content > :key ORDER BY content LIMIT 1),
       (SELECT number FROM failure WHERE NOT (reason = :reason AND content = :key) ORDER BY number LIMIT 1))`,
    { reason, key },
  );
}
