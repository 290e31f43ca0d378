// How the outcome of one file changes the ledger. Runs within a transaction.

import { dirname } from 'node:path';
import { type Failure, type FailureReason, READ_FAILURES, isTransient } from '../failure.ts';
import type { FileOutcome } from '../outcome.ts';
import { type Shard, shardText } from '../shard.ts';
import { isOfPstore } from './crash.ts';
import {
  LAST_SEQUENCE,
  type RecordContext,
  type Beside,
  crashOfFile,
  sequenceIn,
} from './crash-of-file.ts';
import { number } from './crash-rows.ts';
import { pathHost } from './host-name.ts';
import { sha256 } from './identity.ts';
import {
  type Statement,
  type Work,
  change,
  placesFor,
  row,
  run,
  select,
  sideBySide,
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
  /** Files and directories that were read after these outcomes. */
  readonly read?: readonly string[];
  readonly context: RecordContext;
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
export function* recordBatch({ outcomes, gone, read = [], context }: Batch): Work<Change[]> {
  yield* together(
    gone.map(({ root, path }) =>
      change('DELETE FROM file WHERE root = ? AND path = ?', [root, path]),
    ),
  );
  const changes: Change[] = [];
  for (const group of independent(outcomes)) {
    for (let left = group; left.length > 0;) {
      const beside: Beside = { lastSequence: 0, changed: new Set(), isOver: false };
      const recorded = yield* sideBySide(left.map((outcome) => record(outcome, context, beside)));
      const done = recorded.filter((one) => one !== undefined);
      changes.push(...done);
      left = left.slice(done.length);
    }
  }
  if (read.length > 0) yield* together([wereRead(read)]);
  return changes;
}

/** Maximum number of outcomes recorded side by side; limits the memory for their statements. */
const MAX_GROUP = 16;

/** Divides outcomes, in their order, into groups of which none can concern the crash or file of another. */
function* independent(outcomes: readonly FileOutcome[]): Generator<readonly FileOutcome[]> {
  let group: FileOutcome[] = [];
  for (const outcome of outcomes) {
    if (group.length === MAX_GROUP || group.some((other) => mayBeRelated(outcome, other))) {
      yield group;
      group = [];
    }
    group.push(outcome);
  }
  if (group.length > 0) yield group;
}

/** Two crashes are different if their boot ids are (see sameCrash()). */
function mayBeRelated(a: FileOutcome, b: FileOutcome): boolean {
  if (a.kind === 'failure' || b.kind === 'failure' || a.path === b.path) return true;
  const [one, other] = [a.report.bootId, b.report.bootId];
  return one === null || other === null || one === other;
}

/** Limit of PostgreSQL's index entries; files with longer paths are decoded again after a restart. */
const MAX_REMEMBERED_BYTES = 2000;

/**
 * Records one outcome; recording the same outcome again changes nothing.
 *
 * @returns undefined if it may be of a crash to which an earlier one beside it adds: nothing is recorded then, and
 *   nothing of later ones.
 */
function* record(
  outcome: FileOutcome,
  context: RecordContext,
  beside: Beside,
): Work<Change | undefined> {
  const { root, path, version } = outcome;
  if (outcome.kind === 'failure') {
    if (!isTransient(outcome.failure.reason)) yield* together([wasRead(outcome)]);
    return yield* failed(outcome, outcome.failure, context);
  }
  const { report } = outcome;
  const changed = yield* crashOfFile(outcome, report, context, beside);
  if (changed === undefined) return undefined;
  const { crash, changes } = changed;
  const { hwerr } = report;
  changes.push(wasRead(outcome));
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

/**
 * Removes the failures to read a file, or a directory above it, because it was read now. A directory may have other
 * files that are still unknown: reading it may fail in the middle.
 */
function wasRead({ root, path, unlisted = [] }: FileOutcome): Statement {
  const paths = [path];
  for (let up = dirname(path); up.length > root.length; up = dirname(up)) {
    if (!unlisted.includes(up)) paths.push(up);
  }
  return wereRead(paths);
}

/** Removes the failures to read these files and directories. They stay counted. */
function wereRead(paths: readonly string[]): Statement {
  return change(
    `DELETE FROM failure WHERE length(path) <= 500 AND path IN (${placesFor(paths)})
       AND reason IN (${placesFor(READ_FAILURES)})`,
    [...paths, ...READ_FAILURES],
  );
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
