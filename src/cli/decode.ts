// hwerr-exporter decode FILE|DIRECTORY|-...: decodes dumps once and prints their reports.

import { absolutePath, shownPath } from '../file-path.ts';
import type { Failure } from '../failure.ts';
import type { DecodeOutcome } from '../decode/decode-file.ts';
import type { HttpSettings } from '../decode/remote/http-object.ts';
import type { CrashReport } from '../vmcore/index.ts';
import { jsonText } from '../text.ts';
import { verdictOf } from '../triage.ts';
import { SCHEMA_VERSION } from '../version.ts';
import { advice } from '../wording.ts';
import { dumpArguments } from './dump-arguments.ts';
import { remoteObjects } from './remote.ts';
import { reportTable } from './report-table.ts';
import type { Terminal } from './terminal.ts';

/** Output format, sources of symbols and dumps, and the suspect window of `decode`. */
export interface DecodeCommandOptions {
  readonly json: boolean;
  /** Globs of paths to ignore in directories. */
  readonly excluded: readonly string[];
  /** Directories with symbol files. */
  readonly symbolPaths: readonly string[];
  /** Read the layout of the array from BTF even if nothing indicates that it has changed. */
  readonly askBtf: boolean;
  /** Length of the suspect window before the panic. */
  readonly suspectWindowSeconds: number;
  /** How objects behind URLs are read. */
  readonly remote: HttpSettings;
}

/**
 * @returns the exit code: 0, or 1 if a file gave no counters although its kernel keeps them, or could not
 *   be read.
 */
export async function decodeCommand(
  given: readonly string[],
  options: DecodeCommandOptions,
  terminal: Terminal,
): Promise<0 | 1> {
  const { json, symbolPaths, askBtf, suspectWindowSeconds } = options;
  const { dumps, unreadable, empty } = await dumpArguments(given, options.excluded);
  const paths = dumps.map(({ path }) => path);
  const remote = await remoteObjects(paths, options.remote);
  let failed = false;
  const fail = async (path: string, failure: Failure): Promise<void> => {
    failed = true;
    const { reason, message } = failure;
    const error = { reason, message, advice: advice(reason) };
    if (json) terminal.print(jsonLine({ file: shownPath(path), error }));
    else terminal.complain(await complaint(path, failure));
  };
  for (const path of empty) terminal.complain(`${path}: no dump in it`);
  for (const { path, error } of unreadable) await fail(path, error);
  /** Paths of files already printed as parts of a split dump. */
  const done = new Set<string>();
  for (const [i, { path, isFound, decode }] of dumps.entries()) {
    if (done.has(absolutePath(path))) continue;
    if (dumps.length > 1) terminal.progress(`${i + 1} of ${dumps.length}: ${shownPath(path)}`);
    const outcome = await decode({ symbolPaths, askBtf, candidates: paths, remote });
    if (outcome.kind === 'process_core' && isFound) continue;
    if (outcome.kind !== 'report') {
      await fail(path, failureOf(shownPath(path), outcome));
      continue;
    }
    const { report } = outcome;
    const parts = outcome.parts.map((part) => asGiven(part, paths));
    for (const part of parts) done.add(absolutePath(part));
    failed ||= !hasAnswer(report);
    if (json) {
      const split = parts.length > 0 ? { parts } : {};
      const file = parts[0] ?? shownPath(path);
      terminal.print(
        jsonLine({ file, ...split, ...(await published(report, suspectWindowSeconds)) }),
      );
    } else {
      const files = parts.length > 0 ? parts : [shownPath(path)];
      terminal.print(reportTable(files.join(' '), report, suspectWindowSeconds, terminal.paint));
    }
  }
  return failed ? 1 : 0;
}

/** Returns a path as given on the command line; one that was not given there, as it is. */
function asGiven(path: string, given: readonly string[]): string {
  return shownPath(given.find((file) => absolutePath(file) === absolutePath(path)) ?? path);
}

function failureOf(file: string, outcome: Exclude<DecodeOutcome, { kind: 'report' }>): Failure {
  switch (outcome.kind) {
    case 'failure':
    case 'process_core':
      return outcome.failure;
    case 'changed':
      return { reason: 'io', message: `${file}: was written to while it was read` };
    case 'gone':
      return { reason: 'io', message: `${file}: no such file` };
  }
}

/** Returns which file, what is wrong with it and what to do. */
async function complaint(path: string, { reason, message }: Failure): Promise<string> {
  const name = shownPath(path);
  const what = message.startsWith(`${name}: `) ? message : `${name}: ${message}`;
  if (reason === 'io') return what;
  if (reason !== 'permission') return `${what} (${reason}). ${advice(reason)}`;
  const { howToRead } = await import('../ingest/permission-hint.ts');
  return `${what}. ${await howToRead(path)}`;
}

/** Whether the report is complete: also if its kernel has no counters. */
function hasAnswer({ hwerr }: CrashReport): boolean {
  const { kind } = hwerr;
  return kind === 'present' || ['kernel_without_hwerr', 'pstore'].includes(hwerr.reason);
}

/** Returns the JSON of a report, without the fields that only the ledger needs. */
async function published(
  { vmcoreinfoLines, ...report }: CrashReport,
  windowSeconds: number,
): Promise<object> {
  const { reportJson } = await import('../ledger/crash-json.ts');
  return reportJson(report, verdictOf(report, windowSeconds));
}

function jsonLine(value: object): string {
  return `${jsonText({ schemaVersion: SCHEMA_VERSION, ...value })}\n`;
}
