/** deploy/docs/support-matrix.md: every cell has evidence that exists, every rejected format is rejected. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { bytesSource, decodeVmcore } from '../src/vmcore/index.ts';
import { fixture } from './support/dumps/fixtures.ts';
import { sharedVmcores } from './support/dumps/shared-vmcores.ts';
import { thrownBy } from './support/system/thrown.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'deploy/docs/support-matrix.md'), 'utf8');
const shared = sharedVmcores();

/** Cells of the rows of the tables under a heading, without the head of each. */
function rows(heading: string): string[][] {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

const CELL = /^(real|generated|recognised) \[(\w)\]$/;
const MATRICES = [
  'Containers and codecs',
  'Compressed whole files',
  'Architectures',
  'Ways to locate the array',
  'Kernels',
];
const cells = MATRICES.flatMap((heading) =>
  rows(heading).flatMap(([name = '', ...rest]) => rest.map((cell) => [name, cell] as const)),
).filter(([, cell]) => cell !== '-');
const evidence = new Map(
  rows('Evidence').map(([id = '', dump = '', test = '']) => [id, { dump, test }] as const),
);

describe('support matrix', () => {
  it('has cells in every table', () => {
    for (const heading of MATRICES) expect(rows(heading).length).toBeGreaterThan(3);
    expect(rows('Recognised').length).toBeGreaterThan(10);
  });

  it.each(cells)('%s: %s rests on a test', (_, cell) => {
    const [, , id = ''] = CELL.exec(cell) ?? [];
    expect([...evidence.keys()]).toContain(id);
  });

  it.each([...evidence])('evidence %s is there, and used', (id, { dump, test }) => {
    const [file = '', title = ''] = test.split(/: (.*)/);
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(title);
    expect(cells.some(([, cell]) => cell.endsWith(`[${id}]`))).toBe(true);
    // A dump that is only beside the checkout can only be looked for there.
    if (dump === '' || existsSync(fixture(dump))) return;
    if (shared !== undefined) expect(existsSync(join(shared, dump))).toBe(true);
  });

  it.each(cells.filter(([, cell]) => cell.startsWith('real')))('%s: %s has a dump', (_, cell) => {
    expect(evidence.get(CELL.exec(cell)?.[2] ?? '')?.dump).toMatch(/^\w/);
  });

  it.each(
    rows('Recognised').map(
      ([first = '', what = '', reason = '']) => [what, first, reason] as const,
    ),
  )('%s is recognised', (_, first, reason) => {
    const magic = Buffer.from(
      first
        .replaceAll('`', '')
        .replaceAll(/\\x(..)|\\(0)/g, (_all, hex: string | undefined) =>
          String.fromCharCode(parseInt(hex ?? '0', 16)),
        ),
      'latin1',
    );
    const file = new Uint8Array(8192);
    file.set(magic);
    expect(thrownBy(() => decodeVmcore(bytesSource(file))).reason).toBe(reason);
  });
});
