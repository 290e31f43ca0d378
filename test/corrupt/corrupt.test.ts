// Every file in this folder is a dump that was met or imagined, and the error it must end in, or the
// answer it must still give. Its name says what is wrong, test/support/builders/recipe.ts what a recipe may
// say. A fixed bug adds a file.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import {
  type CrashReport,
  type VmcoreError,
  bytesSource,
  decodeVmcore,
} from '../../src/vmcore/index.ts';
import { type DumpRecipe, dumpOf } from '../support/builders/recipe.ts';
import { thrownBy } from '../support/system/thrown.ts';

interface CorruptFile {
  readonly why: string;
  readonly expect?: { readonly tag: VmcoreError['tag']; readonly reason: VmcoreError['reason'] };
  /** What is reported, where that is not an error. */
  readonly answer?: Partial<CrashReport>;
  readonly dump: DumpRecipe;
}

const FOLDER = import.meta.dirname;
const FILES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({
    name,
    ...(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as CorruptFile),
  }));
const FAILING = FILES.filter((file) => file.expect !== undefined);
const ANSWERED = FILES.filter((file) => file.answer !== undefined);

/** An exhaustive list, or it does not compile. */
const TAGS: Record<VmcoreError['tag'], true> = {
  BadMagic: true,
  Unsupported: true,
  Corrupt: true,
  PageMissing: true,
  LimitExceeded: true,
};

describe('decodeVmcore', () => {
  it.each(FAILING)('throws $expect.tag ($expect.reason) for $name', ({ dump, expect: wanted }) => {
    const error = thrownBy(() => decodeVmcore(bytesSource(dumpOf(dump))));
    expect(error).toMatchObject(wanted!);
    expect(error.message).toMatch(/^[a-z].*: .*[^.]$/);
  });

  it.each(ANSWERED)('answers for $name', ({ dump, answer }) => {
    expect(decodeVmcore(bytesSource(dumpOf(dump)))).toMatchObject(answer!);
  });
});

describe('test/corrupt', () => {
  it.each(FILES)('says why there is $name, and what comes of it', ({ why, ...file }) => {
    expect(why).toMatch(/^\S.+[^.]$/);
    expect((file.expect === undefined) !== (file.answer === undefined)).toBe(true);
  });

  it.each(Object.keys(TAGS))('has a file for %s', (tag) => {
    expect(FILES.map((file) => file.expect?.tag)).toContain(tag);
  });
});
