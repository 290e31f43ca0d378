// hwerr-exporter decode FILE...: decode dumps once and print what they say.

import { decodeFile } from '../ingest/decode-file.ts';
import type { CrashReport } from '../vmcore/index.ts';
import { reportTable } from './report-table.ts';

/**
 * @param print takes a piece of standard output.
 * @returns the exit code: 0, or 1 when a file could not give its counters though its kernel keeps
 *   them.
 */
export function decodeCommand(
  files: readonly string[],
  json: boolean,
  print: (text: string) => void,
): 0 | 1 {
  let failed = false;
  for (const file of files) {
    const outcome = decodeFile({ path: file });
    if (outcome.kind === 'decoded') {
      failed ||= !hasAnswer(outcome.report);
      print(
        json ? jsonLine({ file, ...published(outcome.report) }) : reportTable(file, outcome.report),
      );
    } else {
      failed = true;
      const error =
        outcome.kind === 'failed'
          ? outcome.failure
          : { reason: 'io', message: `${file}: ${WHY[outcome.kind]}` };
      print(json ? jsonLine({ file, error }) : `${file}: ${error.reason}: ${error.message}\n`);
    }
  }
  return failed ? 1 : 0;
}

const WHY = {
  changed: 'was written to while it was read',
  gone: 'no such file',
} as const;

/** A kernel from before the feature has no counters to give. */
function hasAnswer({ hwerr }: CrashReport): boolean {
  return hwerr.kind === 'present' || hwerr.reason === 'kernel_without_hwerr';
}

/** The report without what is for tests and for the ledger. */
function published(report: CrashReport): Omit<CrashReport, 'debug' | 'vmcoreinfoText'> {
  const { debug, vmcoreinfoText, ...rest } = report;
  return rest;
}

function jsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
