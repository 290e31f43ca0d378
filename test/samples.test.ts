// The dumps in ../shared, too big to commit: every x86_64 and arm64 one decodes to what is known of it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { type CrashReport, bytesSource, decodeVmcore } from '../src/vmcore/index.ts';
import { fixture } from './support/fixtures.ts';
import { type KnownAnswer, knownAnswers, knownReport } from './support/known-answers.ts';
import { sharedVmcores } from './support/samples.ts';
import { RECIPES } from './support/trim/recipes.ts';

const ARCHITECTURES = ['x86_64', 'arm64'];
const MAX_PAGES = 64;

const folder = sharedVmcores();
const answers = folder === undefined ? [] : knownAnswers(folder).filter(isDecodable);

function isDecodable({ arch, args }: KnownAnswer): boolean {
  return ARCHITECTURES.includes(arch) && args === undefined;
}

function decode(path: string): CrashReport {
  return decodeVmcore(bytesSource(readFileSync(path)));
}

function decodeShared(file: string): CrashReport {
  return decode(join(folder ?? '', file));
}

/** What a report says about the crash, whatever file it was read from. */
function ofTheCrash(report: CrashReport): Partial<CrashReport> {
  const {
    container: _container,
    flattened: _flattened,
    compression: _compression,
    ...rest
  } = report;
  const { debug: _debug, ...crash } = rest;
  return crash;
}

describe('the shared dumps [need ../shared/vmcores]', () => {
  it.skipIf(folder === undefined)('are of both architectures', () => {
    expect(new Set(answers.map(({ arch }) => arch))).toEqual(new Set(ARCHITECTURES));
  });

  it.each(answers)('$file decodes to what is known of it', (answer) => {
    const report = decodeShared(answer.file);
    expect(report).toMatchObject(knownReport(answer));
    expect(report.warnings).toEqual([]);
    expect(report.debug.pages).toBeLessThanOrEqual(MAX_PAGES);
  });

  it.each(RECIPES.filter(() => folder !== undefined))('$file says as much as $from', (recipe) => {
    const { file, from } = recipe;
    expect(ofTheCrash(decode(fixture(file)))).toEqual(ofTheCrash(decodeShared(from)));
  });

  it.each([...new Set(answers.map(({ crash }) => crash))])(
    'say the same of the crash %s in every format',
    (wanted) => {
      const ofOneCrash = answers.filter(({ crash }) => crash === wanted);
      const [first, ...others] = ofOneCrash.map(({ file }) => ofTheCrash(decodeShared(file)));
      for (const other of others) expect(other).toEqual(first);
    },
  );
});
