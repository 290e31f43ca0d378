/**
 * Every input of the fuzzers' corpus once more, on the sources as they are: seeds, and what was
 * found. `HWERR_UPDATE=1 npx vitest run --config test/vitest.config.ts test/fuzz` writes the
 * seeds of seeds.ts anew.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { bytesSource, decodeVmcore } from '../../src/vmcore/index.ts';
import { seeds } from './seeds.ts';
import { targets } from './targets.mjs';

const CORPUS = fileURLToPath(new URL('corpus', import.meta.url));
const SOURCES = new URL('../../src/vmcore/', import.meta.url).href;
const MAX_TOTAL_BYTES = 1 << 20;

const runs = await targets((path) => import(`${SOURCES}${path}.ts`));
const made = seeds();
if (process.env['HWERR_UPDATE'] !== undefined) {
  for (const [target, inputs] of Object.entries(made)) {
    mkdirSync(join(CORPUS, target), { recursive: true });
    for (const [name, bytes] of Object.entries(inputs)) {
      writeFileSync(join(CORPUS, target, `seed-${name}`), bytes);
    }
  }
}

function inputsOf(target: string): string[] {
  const folder = join(CORPUS, target);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

describe.each(Object.entries(runs))('fuzz target %s', (target, run) => {
  it('has inputs', () => {
    expect(inputsOf(target)).not.toEqual([]);
    expect(Object.keys(made)).toContain(target);
  });

  it.each(inputsOf(target))('keeps its promises for %s', (name) => {
    run(new Uint8Array(readFileSync(join(CORPUS, target, name))));
  });
});

it('the corpus stays small', () => {
  const sizes = Object.keys(runs).flatMap((target) =>
    inputsOf(target).map((name) => readFileSync(join(CORPUS, target, name)).length),
  );
  expect(sizes.reduce((a, b) => a + b)).toBeLessThan(MAX_TOTAL_BYTES);
});

it.each([
  'elf-x86_64',
  'elf-no-note',
  'kdump-zlib',
  'kdump-lzo',
  'kdump-snappy',
  'kdump-zstd',
  'kdump-no-note',
  'flattened',
])('the seed %s of the whole decoder is a dump with counters', (name) => {
  const report = decodeVmcore(bytesSource(made['dump']![name]!));
  expect(report.hwerr.kind).toBe('present');
});
