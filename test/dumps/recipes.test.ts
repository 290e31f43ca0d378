/**
 * The files of test/fixtures are what their recipes make of the shared dumps, byte for byte.
 * `HWERR_UPDATE=1 npx vitest run --config test/vitest.config.ts test/dumps/recipes.test.ts`
 * makes them anew, and their expected reports from expected.json; never from what we decode.
 * Those of the lab are made by `HWERR_UPDATE=1 npm run lab:matrix`.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { type SymbolFile, bytesSource } from '../../src/vmcore/index.ts';
import type { FixtureReport } from '../support/dumps/fixtures.ts';
import { knownAnswers, knownReport } from '../support/dumps/known-answers.ts';
import { sharedVmcores } from '../support/dumps/shared-vmcores.ts';
import {
  LAB_RECIPES,
  RECIPES,
  type Recipe,
  SYMBOL_FILES,
  make,
} from '../support/dumps/trim/recipes.ts';

const FOLDER = fileURLToPath(new URL('../fixtures', import.meta.url));
const README = join(FOLDER, 'README.md');
const MAX_BYTES = 3 << 20;
const MAX_TOTAL_BYTES = 20 << 20;
const ALL = [...RECIPES, ...LAB_RECIPES];

const shared = sharedVmcores();
const updating = process.env['HWERR_UPDATE'] !== undefined;

describe.skipIf(shared === undefined)('with the shared dumps', () => {
  const folder = shared ?? '';

  it.each(RECIPES)('$file is made of $from', (recipe) => {
    const symbols = symbolFilesOf(folder, recipe);
    const made = make(recipe, readFileSync(join(folder, recipe.from)), symbols);
    const path = join(FOLDER, recipe.file);
    if (updating) writeFileSync(path, made);
    expect(sha256(made)).toBe(sha256(readFileSync(path)));
  });

  it.each(RECIPES)('$file is expected to say what is known of $from', (recipe) => {
    const report = expectedReport(folder, recipe);
    const path = `${join(FOLDER, recipe.file)}.report.json`;
    if (updating) writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(report);
  });
});

describe.skipIf(shared === undefined)('symbols of the shared dumps', () => {
  it.each(SYMBOL_FILES)('%s is as it is there', (name) => {
    const original = readFileSync(join(shared ?? '', 'symbols', name));
    const path = join(FOLDER, 'symbols', name);
    if (updating) writeFileSync(path, original);
    expect(sha256(readFileSync(path))).toBe(sha256(original));
  });
});

describe('of the lab', () => {
  it.each(LAB_RECIPES)('$file has the pages that a decode can need, and no other', (recipe) => {
    const file = readFileSync(join(FOLDER, recipe.file));
    expect(sha256(make(recipe, file))).toBe(sha256(file));
  });
});

describe('test/fixtures', () => {
  it('holds what the recipes make, and nothing else', () => {
    const files = ALL.flatMap(({ file }) => [file, `${file}.report.json`]);
    expect(readdirSync(FOLDER).sort()).toEqual([...files, 'README.md', 'symbols'].sort());
    expect(readdirSync(join(FOLDER, 'symbols')).sort()).toEqual([...SYMBOL_FILES].sort());
  });

  it('stays small', () => {
    const sizes = ALL.map(({ file }) => readFileSync(join(FOLDER, file)).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_BYTES);
    expect(sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(MAX_TOTAL_BYTES);
  });

  it.each(ALL)('README.md has the checksum of $file', ({ file, from, keep }) => {
    const readme = existsSync(README) ? readFileSync(README, 'utf8') : '';
    const row = readme.split('\n').find((line) => line.startsWith(`| ${file} |`)) ?? '';
    const cells = row.split('|').map((cell) => cell.trim());
    expect(cells).toContain(`\`${sha256(readFileSync(join(FOLDER, file)))}\``);
    expect(cells).toContain(from);
    expect(cells).toContain(keep);
  });
});

/** What it must say with its symbols, where there are any, and without them. */
function expectedReport(folder: string, recipe: Recipe): FixtureReport {
  const { from, flattened } = recipe;
  const answers = knownAnswers(folder).filter(({ file }) => file === from);
  const [answer] = answers;
  if (answer === undefined) throw new Error(`${from} is not in expected.json`);
  const withSymbols = answers.find(({ args }) => args !== undefined);
  return {
    ...knownReport(answer),
    flattened,
    ...(recipe.keep === 'log' && answer.panic !== undefined && { panicMessage: answer.panic }),
    ...(withSymbols && { withSymbols: knownReport(withSymbols) }),
  };
}

function symbolFilesOf(folder: string, { symbols }: Recipe): SymbolFile[] {
  if (symbols === undefined) return [];
  return [{ name: symbols, source: bytesSource(readFileSync(join(folder, 'symbols', symbols))) }];
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
