// A commit of the kernel is cited so that a reader knows it without looking it up.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Twelve digits with a letter among them, which are no part of a longer name: a date, a GUID, an address. */
const HASH = /(?<![\w-])(?=\d*[a-f])[0-9a-f]{12}(?![\w-])/g;
const CITATION = /^[0-9a-f]{12} \(".+?"\) \(in v\d+\.\d+\)/;

const files = ['src', 'deploy', 'test/support'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|md)$/.test(name))
    .map((name) => join(folder, name)),
);

/** Each citation as it begins; the lines of a comment are one text. */
function citations(text: string): string[] {
  const joined = text.replace(/\n\s*(\/\/|\*) /g, ' ');
  return [...joined.matchAll(HASH)].map(({ index }) => joined.slice(index, index + 160));
}

it('every commit of the kernel comes with its subject and version', () => {
  const found = files.flatMap((file) =>
    citations(readFileSync(join(ROOT, file), 'utf8')).map((text) => ({ file, text })),
  );
  expect(found.length).toBeGreaterThan(10);
  expect(found.filter(({ text }) => !CITATION.test(text))).toEqual([]);
});
