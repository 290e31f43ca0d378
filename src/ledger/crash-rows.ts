// Crashes in the ledger's tables: one row of `crash` each, with rows of crash_error, crash_logged and
// crash_file.

import type { Verdict } from '../triage.ts';
import type { CountedCrash, Crash, StoredReport } from './crash.ts';
import { crashErrors, errorCategories } from './crash-errors.ts';
import { countedErrors, countedType, machineName, panicDigest, signatureDigest } from './logs.ts';
import { type HostSource, UNKNOWN_HOST, hostName } from './host-name.ts';
import { type Candidate, type CrashIdentity, NEAR_SECONDS } from './identity.ts';
import {
  type Row,
  type Statement,
  type Value,
  type Work,
  change,
  placesFor,
  rows,
  select,
  together,
} from './statements.ts';
import { StoreError } from './store-error.ts';

/** The columns of `crash` from which a crash is made. */
export const CRASH_COLUMNS = `sequence, id, host, host_source, recorded_seconds, ordered_seconds,
  suspect_window_seconds, verdict_json, report_json`;

/** Returns the crashes in rows of `crash`, with their files. */
export function* crashesOf(found: readonly Row[]): Work<Crash[]> {
  const files = yield* filesOf(found.map(({ sequence }) => sequence ?? null));
  return found.map((row) => ({ ...crashOf(row), paths: files.get(Number(row['sequence'])) ?? [] }));
}

/** Returns the paths of each of these crashes, newest first. */
function* filesOf(sequences: readonly Value[]): Work<ReadonlyMap<number, readonly string[]>> {
  const paths = new Map<number, string[]>();
  if (sequences.length === 0) return paths;
  const found = yield* rows(
    `SELECT crash, path FROM crash_file WHERE crash IN (${placesFor(sequences)})
       ORDER BY crash, position`,
    sequences,
  );
  for (const { crash, path } of found) {
    const known = paths.get(Number(crash));
    if (known === undefined) paths.set(Number(crash), [String(path)]);
    else known.push(String(path));
  }
  return paths;
}

/** Returns the crash in a row of `crash`. @throws StoreError `damaged`. */
export function crashOf(row: Row): CountedCrash {
  return {
    id: String(row['id']),
    sequence: Number(row['sequence']),
    host: String(row['host']),
    hostSource: String(row['host_source']) as HostSource,
    recordedSeconds: Number(row['recorded_seconds']),
    orderedSeconds: Number(row['ordered_seconds']),
    report: parsed(row, 'report_json') as StoredReport,
    verdict: parsed(row, 'verdict_json') as Verdict,
    suspectWindowSeconds: Number(row['suspect_window_seconds']),
  };
}

function parsed(row: Row, column: string): unknown {
  try {
    return JSON.parse(String(row[column]));
  } catch (error) {
    throw new StoreError('damaged', `crash ${row['sequence']}: ${column} is no JSON`, error);
  }
}

/** Returns the crashes with these sequence numbers. @throws StoreError `damaged` if one is missing. */
export function* crashesAt(sequences: readonly number[]): Work<readonly CountedCrash[]> {
  if (sequences.length === 0) return [];
  const [found] = yield* together([selectCrashesAt(sequences)]);
  return sequences.map((sequence) => crashIn(found?.rows ?? [], sequence));
}

/** Selects the crashes with these sequence numbers, for crashIn(). */
export function selectCrashesAt(sequences: readonly number[]): Statement {
  return select(
    `SELECT ${CRASH_COLUMNS} FROM crash WHERE sequence IN (${placesFor(sequences)})`,
    sequences,
  );
}

/** Returns one of the crashes that selectCrashesAt() finds. @throws StoreError `damaged` if it is missing. */
export function crashIn(found: readonly Row[], wanted: number): CountedCrash {
  const row = found.find(({ sequence }) => sequence === wanted);
  if (row === undefined) throw new StoreError('damaged', `crash ${wanted} is missing`);
  return crashOf(row);
}

/** Maximum number of crashes compared with a report; limits the cost of a hostile share. */
const MAX_CANDIDATES = 64;

/** The keys by which the crash of a file is searched. */
export interface Sought {
  /** Digest of its VMCOREINFO, or of the log of a pstore record. */
  readonly digest: string;
  readonly path: string;
  readonly content: string | undefined;
  /** The host for which it would be counted. */
  readonly host: string;
}

/**
 * Selects the crashes that share the boot id or VMCOREINFO of a report, those of its host first, and only
 * those that no other identifier contradicts (see sameCrash()), because a fleet may share both. If one of the
 * two is known from pstore only, also those with the same panic, and those of the same host at about the same
 * time.
 */
export function selectCandidates(
  identity: CrashIdentity,
  { digest, path, content, host }: Sought,
): Statement {
  const { crashTimeSeconds: crashed } = identity;
  return select(
    `SELECT * FROM (
       SELECT sequence, boot_id, crash_seconds, nodename, host, host_source, panic_mark,
         reason IS NOT DISTINCT FROM 'pstore' AS pstore,
         host = :host AND host <> :unknown AND ordered_seconds BETWEEN :from AND :until AS near,
         EXISTS (SELECT 1 FROM crash_vmcoreinfo WHERE digest = :digest AND crash = sequence) AS info,
         EXISTS (SELECT 1 FROM crash_file WHERE crash = sequence AND path = :path) AS same_path,
         EXISTS (SELECT 1 FROM crash_file WHERE crash = sequence AND content = :content) AS same_content
       FROM crash
       WHERE (boot_id = :boot OR boot_id IS NULL OR :boot IS NULL)
         AND (nodename = :nodename OR nodename IS NULL OR :nodename IS NULL)
         AND (crash_seconds BETWEEN :from AND :until OR crash_seconds IS NULL OR :from IS NULL)
         AND sequence IN (
         SELECT sequence FROM crash
           WHERE boot_id = :boot AND (nodename = :nodename OR nodename IS NULL OR :nodename IS NULL)
         UNION SELECT crash FROM crash_vmcoreinfo WHERE digest = :digest AND boot_id IS NULL
         UNION SELECT crash FROM crash_vmcoreinfo WHERE digest = :digest AND :boot IS NULL
         UNION SELECT sequence FROM crash
           WHERE panic_mark = :mark AND (:pstore = 1 OR reason = 'pstore')
         UNION SELECT sequence FROM crash
           WHERE host = :host AND ordered_seconds BETWEEN :from AND :until AND reason = 'pstore'
         UNION SELECT sequence FROM crash
           WHERE host = :host AND ordered_seconds BETWEEN :from AND :until AND :pstore = 1)) AS candidate
     ORDER BY same_path OR same_content DESC, nodename IS NOT DISTINCT FROM :nodename DESC, sequence
     LIMIT :max`,
    {
      ...{ digest, path, host },
      content: content ?? null,
      boot: identity.bootId,
      nodename: identity.nodename,
      mark: identity.panicDigest,
      pstore: identity.isOfPstore ? 1 : 0,
      unknown: UNKNOWN_HOST,
      from: crashed === null ? null : crashed - NEAR_SECONDS,
      until: crashed === null ? null : crashed + NEAR_SECONDS,
      max: MAX_CANDIDATES,
    },
  );
}

/** Returns the candidate in a row that selectCandidates() finds. */
export function candidateIn(row: Row): Candidate {
  return {
    sequence: Number(row['sequence']),
    bootId: text(row['boot_id']),
    crashTimeSeconds: number(row['crash_seconds']),
    nodename: text(row['nodename']),
    pathHost: row['host_source'] === 'path' ? text(row['host']) : null,
    panicDigest: text(row['panic_mark']),
    isOfPstore: row['pstore'] === 1,
    sharesVmcoreinfo: row['info'] === 1,
    sharesPath: row['same_path'] === 1,
    sharesContent: row['same_content'] === 1,
    isNear: row['near'] === 1,
  };
}

/** Inserts or updates a crash, with its counted and logged errors. */
export function putCrash(crash: CountedCrash, nowSeconds: number): Statement[] {
  return [putRow(crash), ...putErrors(crash, nowSeconds), ...putLogged(crash)];
}

function putRow(crash: CountedCrash): Statement {
  const { report, sequence } = crash;
  return change(
    `INSERT INTO crash VALUES (:sequence, :id, :boot, :nodename, :host, :source, :crashed, :recorded,
       :ordered, :release, :arch, :incomplete, :hwerr, :reason, :verdict, :window, :type,
       :mark, :signature, :hardware, :categories, :judged, :report)
     ON CONFLICT (sequence) DO UPDATE SET boot_id = excluded.boot_id, nodename = excluded.nodename,
       host = excluded.host, host_source = excluded.host_source,
       crash_seconds = excluded.crash_seconds, ordered_seconds = excluded.ordered_seconds,
       kernel_release = excluded.kernel_release, arch = excluded.arch,
       incomplete = excluded.incomplete, hwerr = excluded.hwerr,
       reason = excluded.reason, verdict = excluded.verdict,
       crash_type = coalesce(crash.crash_type, excluded.crash_type),
       panic_mark = excluded.panic_mark, signature = excluded.signature,
       hardware = excluded.hardware, categories = excluded.categories,
       verdict_json = excluded.verdict_json, report_json = excluded.report_json`,
    {
      sequence,
      id: crash.id,
      boot: report.bootId,
      nodename: hostName(report.nodename),
      host: crash.host,
      source: crash.hostSource,
      crashed: integer(report.crashTimeSeconds),
      recorded: crash.recordedSeconds,
      ordered: crash.orderedSeconds,
      release: indexed(report.kernelRelease),
      arch: report.arch,
      incomplete: report.incomplete ? 1 : 0,
      hwerr: report.hwerr.kind,
      reason: report.hwerr.kind === 'present' ? null : report.hwerr.reason,
      verdict: crash.verdict.kind,
      window: crash.suspectWindowSeconds,
      type: countedType(report),
      mark: panicDigest(report),
      signature: signatureDigest(report),
      hardware: indexed(machineName(report)),
      categories: errorCategories(report).join(' '),
      judged: JSON.stringify(crash.verdict),
      report: JSON.stringify(report),
    },
  );
}

/** Maximum length of an indexed name, in characters: names may come from dumps. */
const MAX_INDEXED = 256;

function indexed<T extends string | null>(name: T): string | T {
  return name === null || name.length <= MAX_INDEXED ? name : name.slice(0, MAX_INDEXED);
}

/** A category that is already suspect keeps the time when it became suspect. */
function putErrors(crash: CountedCrash, nowSeconds: number): Statement[] {
  return crashErrors(crash).map((errors) =>
    change(
      `INSERT INTO crash_error
         VALUES (:crash, :category, :count, :last, :lead, :suspect, :host)
       ON CONFLICT (crash, category) DO UPDATE SET count = excluded.count,
         last_error_seconds = excluded.last_error_seconds, lead_seconds = excluded.lead_seconds,
         suspect_seconds = coalesce(crash_error.suspect_seconds, excluded.suspect_seconds),
         host = excluded.host`,
      {
        crash: crash.sequence,
        category: errors.category,
        count: errors.count,
        last: integer(errors.lastErrorSeconds),
        lead: errors.leadSeconds,
        suspect: errors.isSuspect ? nowSeconds : null,
        host: crash.host,
      },
    ),
  );
}

/** The number of logged errors of a crash never decreases. */
function putLogged(crash: CountedCrash): Statement[] {
  const { sequence, host, report } = crash;
  return [
    change('UPDATE crash_logged SET host = ? WHERE crash = ?', [host, sequence]),
    ...countedErrors(report).map(({ category, severity, events }) =>
      change(
        `INSERT INTO crash_logged VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (crash, category, severity) DO UPDATE SET events = excluded.events
           WHERE excluded.events > crash_logged.events`,
        [sequence, category, severity, events, host],
      ),
    ),
  ];
}

/** Maximum number of files remembered per crash. */
const MAX_FILES = 8;

/** Selects the files that are remembered of a crash, newest first. */
export function selectFiles(sequence: number): Statement {
  return select('SELECT path, content FROM crash_file WHERE crash = ? ORDER BY position', [
    sequence,
  ]);
}

/** Remembers a file as the newest one of a crash. @param known rows that selectFiles() finds. */
export function putFile(
  sequence: number,
  path: string,
  content: Value,
  known: readonly Row[],
): Statement[] {
  const others = known
    .map((file) => ({ path: String(file['path']), content: file['content'] ?? null }))
    .filter((file) => file.path !== path);
  const files = [{ path, content }, ...others].slice(0, MAX_FILES);
  return [
    change('DELETE FROM crash_file WHERE crash = ?', [sequence]),
    ...files.map((file, position) =>
      change('INSERT INTO crash_file VALUES (?, ?, ?, ?)', [
        sequence,
        position,
        file.path,
        file.content,
      ]),
    ),
  ];
}

/** Returns a column's text; null for any other value. */
export function text(value: Value | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** Returns a column's number; null for any other value. */
export function number(value: Value | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

/** Returns a value that an INTEGER column accepts. */
function integer(value: number | null): number | null {
  return Number.isSafeInteger(value) ? value : null;
}
