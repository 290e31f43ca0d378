// The report on a log, for people.

import type { LogFindings, LogSummary } from '../vmcore/index.ts';
import { cautionLines, evidenceLines, logLine } from './evidence-lines.ts';
import { shown } from './shown.ts';

/** The findings in one log: its errors, and the crash that ends it, if any. */
export interface LogReport extends LogFindings {
  readonly file: string;
  readonly log: LogSummary;
}

/** Returns the report as lines, followed by an empty one. Control characters of the log are escaped. */
export function logReport({ file, log, ...evidence }: LogReport): string {
  const { crash } = evidence;
  const panic = crash === null ? [] : [`  panic     ${shown(crash.panic)}`];
  const lines = [shown(file), logLine(log), ...cautionLines(log), ...panic];
  lines.push(...evidenceLines(evidence));
  return `${lines.join('\n')}\n\n`;
}
