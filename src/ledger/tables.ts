// What the ledger's tables hold, and how one file's outcome changes them. Runs within a transaction.

import type { Failure, FailureReason } from '../failure.ts';
import type { FileOutcome } from '../outcome.ts';
import type { CrashReport } from '../vmcore/index.ts';
import { type Crash, merged, storedReport } from './crash.ts';
import { type HostRule, hostOf } from './host-name.ts';
import { newCrashId, sameCrash, sha256 } from './identity.ts';
import type { StoreLayout, Table } from './store.ts';
import { StoreError } from './store-error.ts';

/** What a file was that needs no second look, not even by the next version of this program. */
export type Verdict = 'complete' | 'incomplete';

export interface Counters {
  readonly failures: Readonly<Partial<Record<FailureReason, number>>>;
  readonly withoutHwerr: number;
  /** Records in `crashes`; guards against a table that lost some. */
  readonly crashes: number;
  /** Who writes: a daemon that finds another one here has been replaced. */
  readonly owner: string;
}

interface KnownPath {
  readonly version: string;
  readonly verdict: Verdict;
}

export interface Tables {
  readonly state: Table<string, Counters>;
  /** By sequence. */
  readonly crashes: Table<number, Crash>;
  /** Sequences by mark: `id:ID` and `boot:UUID` have one, `info:DIGEST` may have several. */
  readonly marks: Table<string, readonly number[]>;
  /** Sequences by time: of all crashes, and again of each host's, by timeKey(). */
  readonly times: Table<string, number>;
  /** Numbers of hosts, from 0, in the order in which they became known. */
  readonly hosts: Table<string, number>;
  /** Contents that were counted as a failure or as without hwerr. */
  readonly counted: Table<string, true>;
  /** Files that need no second look, by pathKey(). */
  readonly paths: Table<string, KnownPath>;
}

export const LAYOUT: StoreLayout<Tables> = {
  version: 1,
  tables: (table) => ({
    state: table('state', 'text'),
    crashes: table('crashes', 'number'),
    marks: table('marks', 'text'),
    times: table('times', 'text'),
    hosts: table('hosts', 'text'),
    counted: table('counted', 'text'),
    paths: table('paths', 'text'),
  }),
  migrations: [],
};

/** @throws StoreError `damaged` when a record is broken, of those that reading the crashes misses. */
export function verify({ marks, times, counted, paths }: Tables): void {
  for (const table of [marks, times, counted, paths]) table.verify();
}

/** What an outcome changed, for what is kept in memory. */
export interface Change {
  /** Why the file gave no counters though it should have. */
  readonly failure?: Failure;
  readonly crash?: { readonly before: Crash | undefined; readonly after: Crash };
  /** A host that was not known before, and its number. */
  readonly newHost?: { readonly name: string; readonly number: number };
}

interface ApplyContext {
  readonly hostRule: HostRule;
  readonly nowSeconds: number;
}

const NO_COUNTERS: Counters = { failures: {}, withoutHwerr: 0, crashes: 0, owner: '' };

export function counters(tables: Tables): Counters {
  return tables.state.get('counters') ?? NO_COUNTERS;
}

/** What goes into the ledger in one transaction. */
export interface Batch {
  readonly outcomes: readonly FileOutcome[];
  /** Keys of files that are not there any more. */
  readonly gone: readonly string[];
  readonly context: ApplyContext;
  /** Who writes, by the counters' `owner`. */
  readonly owner: string;
}

export interface Committed {
  /** Of each outcome. */
  readonly changes: readonly Change[];
  readonly counters: Counters;
}

/** @throws StoreError `busy` when another daemon took the ledger over. */
export function applyBatch(tables: Tables, { outcomes, gone, context, owner }: Batch): Committed {
  if (counters(tables).owner !== owner) {
    throw new StoreError('busy', 'another daemon took the ledger over');
  }
  for (const key of gone) tables.paths.remove(key);
  const changes = outcomes.map((outcome) => apply(tables, outcome, context));
  return { changes, counters: counters(tables) };
}

/** Take one outcome in; called again with the same outcome, it changes nothing more. */
function apply(tables: Tables, outcome: FileOutcome, context: ApplyContext): Change {
  const { root, path, version } = outcome;
  if (outcome.kind === 'failure') {
    countOnce(tables, outcome, outcome.failure.reason);
    return { failure: outcome.failure };
  }
  const { report } = outcome;
  const { hwerr } = report;
  const { change, known } = applyCrash(tables, report, path, context);
  if (hwerr.kind === 'unreadable') {
    const { reason, message } = hwerr;
    countOnce(tables, outcome, reason);
    return { ...change, failure: { reason, message } };
  }
  const reason = hwerr.kind === 'absent' ? hwerr.reason : undefined;
  // A part of a split dump, or a poorer copy: the crash has its counters, nothing is wrong.
  const isAnswered = reason === undefined || known.report.hwerr.kind === 'present';
  if (!isAnswered) countOnce(tables, outcome, reason);
  if (!isAnswered && reason !== 'kernel_without_hwerr') {
    return { ...change, failure: { reason, message: 'the dump gives no counters' } };
  }
  const verdict = report.incomplete ? 'incomplete' : 'complete';
  tables.paths.put(pathKey(root, path), { version, verdict });
  return change;
}

interface Applied {
  readonly change: Change;
  /** What is known of the crash now. */
  readonly known: Crash;
}

function applyCrash(
  tables: Tables,
  described: CrashReport,
  path: string,
  { hostRule, nowSeconds }: ApplyContext,
): Applied {
  const digest = described.vmcoreinfoDigest;
  const before = knownCrash(tables, described, digest);
  const report = storedReport(described);
  if (before === undefined) {
    const state = counters(tables);
    const sequence = state.crashes + 1;
    const host = hostOf(described.nodename, path, hostRule);
    const id = newCrashId(described);
    const known = { id, sequence, host, paths: [path], recordedSeconds: nowSeconds, report };
    tables.state.put('counters', { ...state, crashes: sequence });
    put(tables, undefined, known, digest);
    const newHost = numberHost(tables, host);
    return { change: { crash: { before, after: known }, ...(newHost && { newHost }) }, known };
  }
  const others = before.paths.filter((other) => other !== path);
  const known = {
    ...before,
    paths: [path, ...others].slice(0, MOST_PATHS),
    report: merged(before.report, report),
  };
  put(tables, before, known, digest);
  return { change: { crash: { before, after: known } }, known };
}

/** Files remembered of one crash. */
const MOST_PATHS = 8;

/** Write a crash, and make it findable by all that is known of it now. */
function put(tables: Tables, before: Crash | undefined, crash: Crash, digest: string): void {
  const { sequence, id, host, report } = crash;
  if (JSON.stringify(before) !== JSON.stringify(crash)) tables.crashes.put(sequence, crash);
  mark(tables, infoMark(digest), sequence);
  mark(tables, idMark(id), sequence);
  if (report.bootId !== null) mark(tables, bootMark(report.bootId), sequence);
  for (const scope of [EVERY_HOST, host]) {
    const was = before && timeKey(scope, before);
    const is = timeKey(scope, crash);
    if (was === is) continue;
    if (was !== undefined) tables.times.remove(was);
    tables.times.put(is, sequence);
  }
}

function knownCrash(tables: Tables, report: CrashReport, digest: string): Crash | undefined {
  const [byBoot] = report.bootId === null ? [] : (tables.marks.get(bootMark(report.bootId)) ?? []);
  if (byBoot !== undefined) return crashAt(tables, byBoot);
  const sequences = tables.marks.get(infoMark(digest)) ?? [];
  return sameCrash(
    report,
    sequences.map((sequence) => crashAt(tables, sequence)),
  );
}

function crashAt(tables: Tables, sequence: number): Crash {
  const crash = tables.crashes.get(sequence);
  if (crash !== undefined) return crash;
  throw new StoreError('damaged', `crashes: record ${sequence} is missing`);
}

/** Crashes of one VMCOREINFO that are compared with a new report: bounds what a hostile share costs. */
const MOST_ALIKE = 32;

function mark(tables: Tables, name: string, sequence: number): void {
  const sequences = tables.marks.get(name) ?? [];
  if (sequences.includes(sequence)) return;
  tables.marks.put(name, [...sequences, sequence].slice(-MOST_ALIKE));
}

/** The crash of that id. */
export function crashOfId(tables: Tables, id: string): Crash | undefined {
  const [sequence] = tables.marks.get(idMark(id)) ?? [];
  return sequence === undefined ? undefined : crashAt(tables, sequence);
}

/**
 * The crashes of a host, or of every host, newest first; read from the store as they are walked.
 *
 * @param offset how many to leave out at first, without reading them.
 */
export function* newestCrashes(
  tables: Tables,
  host: string = EVERY_HOST,
  offset = 0,
): Generator<Crash> {
  const scope = { start: `${host}!`, end: `${host} ` }; // '!' comes next after ' '
  const range = { ...scope, reverse: true, offset };
  for (const [, sequence] of tables.times.entries(range)) yield crashAt(tables, sequence);
}

/** No host has this name. */
const EVERY_HOST = '';

/** A dump of a machine that did not crash has no time of its own: it counts as of when it came in. */
function timeKey(scope: string, { sequence, report, recordedSeconds }: Crash): string {
  const seconds = report.crashTimeSeconds ?? recordedSeconds;
  return `${scope} ${digits(seconds, 16)} ${digits(sequence, 10)}`;
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0');
}

function idMark(id: string): string {
  return `id:${id}`;
}

function bootMark(bootId: string): string {
  return `boot:${bootId}`;
}

function infoMark(digest: string): string {
  return `info:${digest}`;
}

function numberHost(tables: Tables, name: string): Change['newHost'] {
  if (tables.hosts.get(name) !== undefined) return undefined;
  const number = tables.hosts.count();
  tables.hosts.put(name, number);
  return { name, number };
}

/** With so many contents a new one takes the place of any other: a copy of that may count again. */
const MOST_COUNTED = 100_000;

function countOnce(
  tables: Tables,
  { path, version, content }: FileOutcome,
  reason: FailureReason | 'kernel_without_hwerr',
): void {
  const key = `${reason}:${content ?? sha256(`${path}\0${version}`)}`;
  if (tables.counted.get(key) !== undefined) return;
  if (tables.counted.count() >= MOST_COUNTED) forgetOne(tables.counted, key);
  tables.counted.put(key, true);
  const before = counters(tables);
  if (reason === 'kernel_without_hwerr') {
    tables.state.put('counters', { ...before, withoutHwerr: before.withoutHwerr + 1 });
  } else {
    const failures = { ...before.failures, [reason]: (before.failures[reason] ?? 0) + 1 };
    tables.state.put('counters', { ...before, failures });
  }
}

/** Keys end in a digest, so the one that comes after `key` is any. */
function forgetOne(counted: Tables['counted'], key: string): void {
  const [next] = counted.entries({ start: key, limit: 1 });
  const [first] = counted.entries({ limit: 1 });
  const any = next ?? first;
  if (any !== undefined) counted.remove(any[0]);
}

/** Fixed length: LMDB's keys are shorter than a path may be. */
export function pathKey(root: string, path: string): string {
  return `${rootKey(root)}${sha256(path)}`;
}

export function rootKey(root: string): string {
  return `${sha256(root).slice(0, 16)}:`;
}
