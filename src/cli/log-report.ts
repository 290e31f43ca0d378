// The evidence of a log for people.

import type { LogFindings, LogSummary } from '../vmcore/index.ts';
import { cautionLines, evidenceLines, logLine } from './evidence-lines.ts';
import { shown } from './shown.ts';

/** One log with what was found in it: the errors, and the crash that ends it, if one does. */
export interface LogReport extends LogFindings {
  readonly file: string;
  readonly log: LogSummary;
}

/** The lines for people, an empty one behind them; control characters of the log are escaped. */
export function logReport({ file, log, ...evidence }: LogReport): string {
  const { crash } = evidence;
  const panic = crash === null ? [] : [`  panic     ${shown(crash.panic)}`];
  const lines = [shown(file), logLine(log), ...cautionLines(log), ...panic];
  lines.push(...evidenceLines(evidence));
  return `${lines.join('\n')}\n\n`;
}
