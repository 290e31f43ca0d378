// src/README.md is a map: what it names is there.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAP = readFileSync(join(ROOT, 'src/README.md'), 'utf8');
const [table = '', invariants = ''] = MAP.split('## Invariants');
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });

function named(text: string): string[] {
  return [...text.matchAll(/`([\w./-]+\.(?:ts|json|gz)|[\w./-]+\/)`/g)].map(
    ([, name = '']) => name,
  );
}

describe('the map of the source', () => {
  it('names files and folders that exist', () => {
    const isThere = (name: string): boolean =>
      existsSync(join(ROOT, name)) ||
      SOURCES.some((path) => `/${path}/`.endsWith(`/${name.replace(/\/$/, '')}/`));
    expect(named(MAP).length).toBeGreaterThan(60);
    expect(named(MAP).filter((name) => !isThere(name))).toEqual([]);
  });

  it('names every folder of src', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(folders.filter((name) => !table.includes(`${name}/`))).toEqual([]);
  });

  it('names the tests of every invariant', () => {
    const each = invariants.split('\n- ').slice(1);
    expect(each.length).toBeGreaterThan(8);
    for (const invariant of each) {
      expect(named(invariant).filter((name) => name.startsWith('test/'))).not.toEqual([]);
    }
  });
});
