// The dumps in ../shared, too big to commit: every one decodes to what is known of it, with the
// symbols that it is said to need and without.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { type CrashReport, type SymbolFile, bytesSource } from '../../src/vmcore/index.ts';
import { symbolFiles as openSymbolFiles } from '../../src/decode/symbol-paths.ts';
import { type CostlyReport, decodeCounted } from '../support/dumps/decode-cost.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import {
  type KnownAnswer,
  knownAnswers,
  knownReport,
  symbolPathsOf,
} from '../support/dumps/known-answers.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';
import { RECIPES } from '../support/dumps/trim/recipes.ts';

const ARCHITECTURES = ['x86_64', 'arm64', 'riscv64', 'ppc64le', 's390x', 'loongarch64', 'arm32'];
/** 64, and the page tables on the way to the kernel's own copy of VMCOREINFO. */
const MAX_PAGES = 68;

const folder = sharedVmcores();
const answers = folder === undefined ? [] : knownAnswers(folder);
const titled = answers.map((answer) => ({
  ...answer,
  title: [answer.file, ...(answer.args ?? [])].join(' '),
}));

function decode(path: string, symbolPaths: readonly string[] = []): CostlyReport {
  const symbols = openSymbolFiles(symbolPaths.map((name) => join(folder ?? '', name)));
  const symbolFiles = (kernel: Parameters<typeof symbols.open>[0]): SymbolFile[] =>
    symbols.open(kernel);
  try {
    return decodeCounted(bytesSource(readFileSync(path)), { symbolFiles });
  } finally {
    symbols.close();
  }
}

function decodeShared(answer: KnownAnswer): CostlyReport {
  return decode(join(folder ?? '', answer.file), symbolPathsOf(answer));
}

/** What a report says about the crash, whatever file it was read from. The log may be left out. */
function ofTheCrash(report: CrashReport): Partial<CrashReport> {
  const {
    container: _container,
    flattened: _flattened,
    compression: _compression,
    panicMessage: _panicMessage,
    log: _log,
    hardwareEvents: _hardwareEvents,
    hardwareEventsOmitted: _hardwareEventsOmitted,
    loggedErrors: _loggedErrors,
    previousBootRecords: _previousBootRecords,
    crash: _crash,
    ...crash
  } = report;
  return crash;
}

/** 0.06 pages of 4 KiB a record, and those that hold the ring's own numbers. */
function logPages(log: CrashReport['log']): number {
  return log.source === 'absent' ? 2 : 8 + Math.ceil((130 * (log.records + log.unreadable)) / 2000);
}

describe('the shared dumps [need ../shared/vmcores]', () => {
  it.skipIf(folder === undefined)('are of every architecture', () => {
    expect(new Set(answers.map(({ arch }) => arch))).toEqual(new Set(ARCHITECTURES));
  });

  it.each(titled)('$title decodes to what is known of it', (answer) => {
    const { title: _title, ...known } = answer;
    const { report, cost } = decodeShared(known);
    expect(report).toMatchObject(knownReport(known));
    // The trimmed System.maps lack the symbol behind the array.
    const odd = report.warnings.filter((warning) => !warning.includes('symbol of'));
    expect(odd).toEqual([]);
    expect(cost.pages).toBeLessThanOrEqual(MAX_PAGES + logPages(report.log));
    if (known.panic !== undefined) expect(report.panicMessage).toContain(known.panic);
  });

  it.each(RECIPES.filter(() => folder !== undefined))('$file says as much as $from', (recipe) => {
    const { file, from } = recipe;
    const [trimmed, whole] = [fixture(file), join(folder ?? '', from)].map((path) =>
      ofTheCrash(decode(path).report),
    );
    expect(trimmed).toEqual(whole);
  });

  it.each([...new Set(answers.map(({ crash }) => crash))])(
    'say the same of the crash %s in every format',
    (wanted) => {
      const ofOneCrash = answers.filter(({ crash, args }) => crash === wanted && !args);
      const [first, ...others] = ofOneCrash.map((answer) =>
        ofTheCrash(decodeShared(answer).report),
      );
      for (const other of others) expect(other).toEqual(first);
    },
  );
});
