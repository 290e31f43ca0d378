// The crash of a decoded file: a known one to which the file adds, or a new one.

import { FAILURE_REASONS } from '../failure.ts';
import type { FileOutcome } from '../outcome.ts';
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
  type Sought,
  candidateIn,
  crashIn,
  number,
  putCrash,
  putFile,
  selectCandidates,
  selectCrashesAt,
  selectFiles,
} from './crash-rows.ts';
import { type HostRule, hostName, hostOf, pathHost } from './host-name.ts';
import { type CrashIdentity, newCrashId, sameCrash, sha256 } from './identity.ts';
import { panicDigest } from './logs.ts';
import {
  type Answer,
  type Row,
  type Statement,
  type Work,
  change,
  placesFor,
  select,
  together,
} from './statements.ts';

/** How crashes are named and judged, and when. */
export interface RecordContext {
  readonly hostRule: HostRule;
  readonly suspectWindowSeconds: number;
  readonly nowSeconds: number;
}

/** What outcomes that are recorded side by side have done so far. */
export interface Beside {
  /** Sequence of the last new crash; 0: there is none. */
  lastSequence: number;
  /** Sequences of the crashes to which one of them adds. */
  readonly changed: Set<number>;
  /** One may be of such a crash: it and those after it have to wait. */
  isOver: boolean;
}

/** A crash after one of its files was decoded. */
export interface ChangedCrash {
  /** Merged from all of its files. */
  readonly crash: StoredReport;
  /** What is to be run for it. */
  readonly changes: Statement[];
}

/**
 * Finds the crash of a file, or makes a new one. Writers exclude each other, also over a network, so the
 * statements are sent in as few steps as possible.
 *
 * @returns undefined if it has to wait for an outcome beside it.
 */
export function* crashOfFile(
  outcome: FileOutcome,
  report: CrashReport,
  context: RecordContext,
  beside: Beside,
): Work<ChangedCrash | undefined> {
  const { path, content } = outcome;
  const { hostRule, nowSeconds } = context;
  const { bootId, crashTimeSeconds, nodename } = report;
  const identity: CrashIdentity = {
    ...{ bootId, crashTimeSeconds, nodename: hostName(nodename) },
    pathHost: pathHost(path, hostRule),
    panicDigest: panicDigest(report),
    isOfPstore: isOfPstore(report),
  };
  const digest = sha256(report.vmcoreinfoLines);
  const named = hostOf(nodename, path, hostRule);
  const sought = { digest, path, content, host: named.host };
  const found = yield* findCrash(identity, sought, context, beside);
  if (found === undefined) return undefined;
  const { before, files, known } = found;
  const next = storedReport(report);
  // A fallback is replaced as soon as a host is known.
  const isNamed = before !== undefined && before.hostSource !== 'fallback';
  const after: CountedCrash = {
    ...withReport(known, before ? merged(before.report, next) : next),
    host: isNamed ? before.host : named.host,
    hostSource: isNamed ? before.hostSource : named.source,
  };
  const isChanged = before === undefined || hasChanged(before, after);
  const isAnswered = before !== undefined && !hasCounters(before) && hasCounters(after);
  const current = { path, content: content ?? null };
  const settled = isAnswered ? [...files, current] : replacedBy(current, files);
  const { sequence } = known;
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
    ...putFile(sequence, path, current.content, files),
    ...(settled.length > 0 ? [wasSettled(settled)] : []),
  ];
  return { crash: after.report, changes };
}

/** The crash of a file in the ledger, or what a new one begins with. */
interface FoundCrash {
  /** undefined: it is new. */
  readonly before: CountedCrash | undefined;
  /** What a report does not change. */
  readonly known: Pick<
    CountedCrash,
    'id' | 'sequence' | 'recordedSeconds' | 'suspectWindowSeconds'
  >;
  /** Rows that selectFiles() finds. */
  readonly files: readonly Row[];
}

function* findCrash(
  identity: CrashIdentity,
  sought: Sought,
  { nowSeconds, suspectWindowSeconds }: RecordContext,
  beside: Beside,
): Work<FoundCrash | undefined> {
  const id = newCrashId(identity, sought.digest, '');
  const [found, last, sameId] = yield* together([
    selectCandidates(identity, sought),
    LAST_SEQUENCE,
    select('SELECT 1 FROM crash WHERE id = ?', [id]),
  ]);
  const candidates = (found?.rows ?? []).map(candidateIn);
  beside.isOver ||= candidates.some(({ sequence }) => beside.changed.has(sequence));
  if (beside.isOver) return undefined;
  const same = sameCrash(identity, candidates);
  if (same !== undefined) {
    beside.changed.add(same.sequence);
    const [crashes, files] = yield* together([
      selectCrashesAt([same.sequence]),
      selectFiles(same.sequence),
    ]);
    const before = crashIn(crashes?.rows ?? [], same.sequence);
    return { before, known: before, files: files?.rows ?? [] };
  }
  const sequence = Math.max(beside.lastSequence, sequenceIn(last)) + 1;
  beside.lastSequence = sequence;
  const isFree = sameId?.rows.length === 0;
  const known = {
    id: isFree ? id : newCrashId(identity, sought.digest, String(sequence)),
    ...{ sequence, recordedSeconds: nowSeconds, suspectWindowSeconds },
  };
  return { before: undefined, known, files: [] };
}

/** Returns what the file was before, unless another file still is. */
function replacedBy({ path, content }: Row, files: readonly Row[]): Row[] {
  const others = files.filter((file) => file['path'] !== path);
  const present = new Set([content, ...others.map((file) => file['content'])]);
  return files.filter((file) => !present.has(file['content']));
}

/**
 * Removes the failures of files of a crash, because one of them gave the counters, or because the same file has other
 * content now. They stay counted.
 */
function wasSettled(files: readonly Row[]): Statement {
  const contents = files.map(({ content }) => content ?? null);
  return change(
    `DELETE FROM failure WHERE reason IN (${placesFor(FAILURE_REASONS)})
       AND content IN (${placesFor(contents)})`,
    [...FAILURE_REASONS, ...contents],
  );
}

function hasCounters({ report }: CountedCrash): boolean {
  return report.hwerr.kind === 'present';
}

function hasChanged(before: CountedCrash, after: CountedCrash): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}

export const LAST_SEQUENCE = select('SELECT max(sequence) AS last FROM crash');

/** Returns what LAST_SEQUENCE finds; 0 if there is no crash. */
export function sequenceIn(answer: Answer | undefined): number {
  return number(answer?.rows[0]?.['last']) ?? 0;
}
