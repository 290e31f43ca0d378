// What the ledger's tables hold, and how one file's outcome changes them. Runs within a transaction.

import type { FailureReason } from '../failure.ts';
import type { CrashReport } from '../vmcore/index.ts';
import { type Crash, merged, saysMore, storedReport } from './crash.ts';
import { type HostRule, hostOf } from './host-name.ts';
import { infoDigest, newCrashId, sameCrash, sha256 } from './identity.ts';
import type { StoreLayout, Table } from './store.ts';
import { StoreError } from './store-error.ts';

/** What one state of one file came to. */
export interface FileOutcome {
  /** The watched directory it is in. */
  readonly root: string;
  readonly path: string;
  /** The file's state without its content: size, times. */
  readonly version: string;
  /** Digest of its content, as far as that tells files apart; null when it could not be read. */
  readonly content: string | null;
  readonly result: FileResult;
}

export type FileResult =
  | { readonly kind: 'report'; readonly report: CrashReport }
  /** `mayHeal`: the same state of the file may give another answer later. */
  | { readonly kind: 'failure'; readonly reason: FailureReason; readonly mayHeal: boolean };

/** What a file turned out to be. */
export type Verdict = 'complete' | 'incomplete' | 'failed';

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
  /** Sequences by mark: `boot:UUID` has one, `info:DIGEST` may have several. */
  readonly marks: Table<string, readonly number[]>;
  /** Numbers of hosts, from 0, in the order in which they became known. */
  readonly hosts: Table<string, number>;
  /** Contents that were counted as a failure or as without hwerr; the value is when, in seconds. */
  readonly counted: Table<string, number>;
  /** Files that need no second look, by pathKey(). */
  readonly paths: Table<string, KnownPath>;
}

export const LAYOUT: StoreLayout<Tables> = {
  version: 1,
  tables: (table) => ({
    state: table('state', 'text'),
    crashes: table('crashes', 'number'),
    marks: table('marks', 'text'),
    hosts: table('hosts', 'text'),
    counted: table('counted', 'text'),
    paths: table('paths', 'text'),
  }),
  migrations: [],
};

/** What an outcome changed, for the sums that are kept in memory. */
export interface Change {
  readonly crash?: { readonly before: Crash | undefined; readonly after: Crash };
  /** A host that was not known before, and its number. */
  readonly newHost?: { readonly name: string; readonly number: number };
}

export interface ApplyContext {
  readonly hostRule: HostRule;
  readonly nowSeconds: number;
}

const NO_COUNTERS: Counters = { failures: {}, withoutHwerr: 0, crashes: 0, owner: '' };

export function counters(tables: Tables): Counters {
  return tables.state.get('counters') ?? NO_COUNTERS;
}

/** Take one outcome in; called again with the same outcome, it changes nothing more. */
export function apply(tables: Tables, outcome: FileOutcome, context: ApplyContext): Change {
  const { root, path, version, result } = outcome;
  const key = pathKey(root, path);
  if (result.kind === 'failure') {
    countOnce(tables, outcome, result.reason, context);
    if (!result.mayHeal) tables.paths.put(key, { version, verdict: 'failed' });
    return {};
  }
  const { report } = result;
  const change = applyReport(tables, report, path, context);
  const absent = report.hwerr.kind === 'absent' ? report.hwerr.reason : undefined;
  // A part of a split dump, or a poorer copy: the crash has its counters, nothing is wrong.
  const known = change.crash?.after ?? change.known;
  if (absent !== undefined && known?.report.hwerr.kind !== 'present') {
    countOnce(tables, outcome, absent, context);
  }
  tables.paths.put(key, { version, verdict: report.incomplete ? 'incomplete' : 'complete' });
  return change;
}

function applyReport(
  tables: Tables,
  report: CrashReport,
  path: string,
  { hostRule, nowSeconds }: ApplyContext,
): Change & { readonly known?: Crash } {
  const digest = infoDigest(report.vmcoreinfoText);
  const before = knownCrash(tables, report, digest);
  const next = storedReport(report);
  if (before === undefined) {
    const before = counters(tables);
    const sequence = before.crashes + 1;
    const host = hostOf(report.nodename, path, hostRule);
    const id = newCrashId(report, digest);
    const after: Crash = { id, sequence, host, path, recordedSeconds: nowSeconds, report: next };
    tables.crashes.put(sequence, after);
    tables.state.put('counters', { ...before, crashes: sequence });
    mark(tables, after, digest);
    const newHost = numberHost(tables, host);
    return { crash: { before: undefined, after }, ...(newHost && { newHost }) };
  }
  const both = merged(before.report, next);
  mark(tables, { ...before, report: both }, digest);
  if (JSON.stringify(both) === JSON.stringify(before.report)) return { known: before };
  const better = saysMore(next, before.report);
  const after = { ...before, report: both, path: better ? path : before.path };
  tables.crashes.put(after.sequence, after);
  return { crash: { before, after } };
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

/** Make the crash findable by all that is known of it now. */
function mark(tables: Tables, { sequence, report }: Crash, digest: string): void {
  const marks = [infoMark(digest), ...(report.bootId === null ? [] : [bootMark(report.bootId)])];
  for (const name of marks) {
    const sequences = tables.marks.get(name) ?? [];
    if (sequences.includes(sequence)) continue;
    tables.marks.put(name, [...sequences, sequence].slice(-MOST_ALIKE));
  }
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

/** More contents than this, and the older half is forgotten: a copy of one may then count again. */
const MOST_COUNTED = 100_000;

function countOnce(
  tables: Tables,
  { path, version, content }: FileOutcome,
  reason: FailureReason | 'kernel_without_hwerr',
  { nowSeconds }: ApplyContext,
): void {
  const key = `${reason}:${content ?? sha256(`${path}\0${version}`)}`;
  if (tables.counted.get(key) !== undefined) return;
  if (tables.counted.count() >= MOST_COUNTED) forgetOlderHalf(tables.counted);
  tables.counted.put(key, nowSeconds);
  const before = counters(tables);
  if (reason === 'kernel_without_hwerr') {
    tables.state.put('counters', { ...before, withoutHwerr: before.withoutHwerr + 1 });
  } else {
    const failures = { ...before.failures, [reason]: (before.failures[reason] ?? 0) + 1 };
    tables.state.put('counters', { ...before, failures });
  }
}

function forgetOlderHalf(counted: Tables['counted']): void {
  const byAge = [...counted.entries()].sort(([, a], [, b]) => a - b);
  for (const [key] of byAge.slice(0, byAge.length / 2)) counted.remove(key);
}

/** Fixed length: LMDB's keys are shorter than a path may be. */
export function pathKey(root: string, path: string): string {
  return `${rootKey(root)}${sha256(path)}`;
}

export function rootKey(root: string): string {
  return `${sha256(root).slice(0, 16)}:`;
}
