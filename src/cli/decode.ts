// hwerr-exporter decode FILE...: decode dumps once and print what they say.

import { resolve } from 'node:path';
import { shownPath } from '../file-path.ts';
import type { Failure } from '../failure.ts';
import { type DecodeOutcome, decodeFile } from '../decode/decode-file.ts';
import type { CrashReport } from '../vmcore/index.ts';
import { jsonText } from '../text.ts';
import { reportTable } from './report-table.ts';
import { shown } from './shown.ts';

export interface DecodeCommandOptions {
  readonly json: boolean;
  /** Directories with symbol files. */
  readonly symbolPaths: readonly string[];
  /** Read the layout of the array from BTF even where nothing says that it has changed. */
  readonly askBtf: boolean;
}

/**
 * @param print takes a piece of standard output.
 * @returns the exit code: 0, or 1 when a file could not give its counters though its kernel keeps
 *   them.
 */
export async function decodeCommand(
  files: readonly string[],
  { json, symbolPaths, askBtf }: DecodeCommandOptions,
  print: (text: string) => void,
): Promise<0 | 1> {
  let failed = false;
  /** Files that were printed as parts of a dump already. */
  const done = new Set<string>();
  for (const given of files) {
    if (done.has(resolve(given))) continue;
    const options = { symbolPaths, askBtf, candidates: files };
    const outcome = await decodeFile(given, options);
    if (outcome.kind !== 'report') {
      failed = true;
      const error = failureOf(given, outcome);
      const line = shown(`${given}: ${error.reason}: ${error.message}`);
      print(json ? jsonLine({ file: given, error }) : `${line}\n`);
      continue;
    }
    const parts = outcome.parts.map((part) => asGiven(part, files));
    for (const part of parts) done.add(resolve(part));
    const file = parts[0] ?? given;
    failed ||= !hasAnswer(outcome.report);
    const split = parts.length > 0 ? { parts } : {};
    print(
      json
        ? jsonLine({ file, ...split, ...published(outcome.report) })
        : reportTable(parts.length > 0 ? parts.join(' ') : file, outcome.report),
    );
  }
  return failed ? 1 : 0;
}

/** A path as it was written on the command line, where it was. */
function asGiven(path: string, files: readonly string[]): string {
  return files.find((file) => resolve(file) === resolve(path)) ?? shownPath(path);
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

/** A kernel from before the feature has no counters to give. */
function hasAnswer({ hwerr }: CrashReport): boolean {
  return hwerr.kind === 'present' || hwerr.reason === 'kernel_without_hwerr';
}

/** The report without what is for the ledger; with an `error` where its counters are unreadable. */
function published({ vmcoreinfoLines, ...report }: CrashReport): object {
  const { hwerr } = report;
  if (hwerr.kind !== 'unreadable') return report;
  const { reason, message } = hwerr;
  return { ...report, error: { reason, message } };
}

function jsonLine(value: object): string {
  return `${jsonText(value)}\n`;
}
