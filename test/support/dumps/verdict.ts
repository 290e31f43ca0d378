// What came of damage to a dump, judged against the truth.

import type { CrashReport } from '../../../src/vmcore/index.ts';

/** `none` is no answer, `warned` a wrong one with a warning about it, `silent` one without. */
export type Verdict = 'right' | 'none' | 'warned' | 'silent';

/** By what is answered how a warning about it begins. */
const WARNINGS = {
  hwerr: /^(hwerr_data|kallsyms|layout|cpu|memory|pci|cxl|others): /,
  crashTimeSeconds: /^CRASHTIME: /,
  bootId: /^boot id: /,
  nodename: /^init_uts_ns: /,
  kernelRelease: /^init_uts_ns: /,
  arch: /^arch: /,
} as const;

type Answer = keyof typeof WARNINGS;
const ANSWERS = Object.keys(WARNINGS) as readonly Answer[];

/** A warning excuses a wrong answer when it is about that one. */
export function verdictOf(
  report: CrashReport,
  truth: CrashReport,
  answers: readonly Answer[] = ANSWERS,
): Verdict {
  const wrong = answers.filter((answer) => isWrong(report, truth, answer));
  if (wrong.length === 0) return report.hwerr.kind === truth.hwerr.kind ? 'right' : 'none';
  const isTold = (answer: Answer): boolean =>
    report.warnings.some((line) => WARNINGS[answer].test(line));
  return wrong.every(isTold) ? 'warned' : 'silent';
}

/** Whether it claims something else; that something is not known is no claim. */
function isWrong(report: CrashReport, truth: CrashReport, answer: Answer): boolean {
  const { hwerr } = report;
  const claims =
    answer === 'hwerr'
      ? hwerr.kind === 'present' || hwerr.reason === 'kernel_without_hwerr'
      : report[answer] !== null;
  return claims && JSON.stringify(report[answer]) !== JSON.stringify(truth[answer]);
}
