// What is known about real dumps without asking the decoder: shared/vmcores/expected.json, read back
// with drgn and the kernels' debug information.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { CATEGORIES, type CrashReport } from '../../../src/vmcore/index.ts';

/** The part of a report that is known beforehand. */
export type KnownReport = Partial<CrashReport>;

/** One line of expected.json; fields of a report it says nothing of are left out. */
export interface KnownAnswer extends Omit<KnownReport, 'hwerr' | 'panicMessage' | 'crash'> {
  readonly file: string;
  /** Equal for dumps of the same crash. */
  readonly crash: string;
  readonly arch: string;
  /** Arguments for the command line without which the dump decodes to something else. */
  readonly args?: readonly string[];
  /** Part of the panic line. */
  readonly panic?: string;
  /** [count, Unix seconds or 0] a category, or why there are none: any of the reasons will do. */
  readonly hwerr: readonly [number, number][] | { kind: 'absent'; reason: readonly string[] };
}

/** Every line of expected.json in that folder. */
export function knownAnswers(folder: string): KnownAnswer[] {
  return JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as KnownAnswer[];
}

/** Names of the directories that `--symbols.path` gives. */
export function symbolPathsOf({ args = [] }: KnownAnswer): string[] {
  return args.filter((_, i) => args[i - 1] === '--symbols.path');
}

/** What the decoder must report for such a dump. */
export function knownReport(answer: KnownAnswer): KnownReport {
  const { file: _file, crash: _crash, args: _args, panic: _panic, hwerr, ...rest } = answer;
  return { ...rest, hwerr: knownHwerr(hwerr) };
}

function knownHwerr(hwerr: KnownAnswer['hwerr']): CrashReport['hwerr'] {
  if (!('kind' in hwerr)) {
    const categories = CATEGORIES.map((category, i) => {
      const [count, time] = hwerr[i]!;
      return { category, count, lastErrorTimestampSeconds: time === 0 ? null : time };
    });
    return { kind: 'present', categories };
  }
  const [reason] = hwerr.reason;
  return { kind: 'absent', reason: reason as 'kernel_without_hwerr' };
}
