/**
 * test/lab/runs: the kept runs of the lab are all linked, and what the pages say of them is there.
 * HWERR_UPDATE=1 makes the tables of kernel-caveats.md anew.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { withTables, writeTables } from '../lab/evidence.ts';
import { KEPT, updating } from '../lab/run-record.ts';
import { linksIn } from './markdown.ts';
import { ROOT } from './processes.ts';

const page = (name: string): string => readFileSync(join(ROOT, 'deploy/docs', name), 'utf8');
const runs = readdirSync(KEPT).filter((name) => name.endsWith('.txt'));

describe('the kept runs of the lab', () => {
  it('make the tables of kernel-caveats.md', () => {
    if (updating()) writeTables();
    expect(withTables(page('kernel-caveats.md'))).toBe(page('kernel-caveats.md'));
  });

  it.each(runs)('%s is linked from lab.md', (name) => {
    expect(linksIn(readFileSync(join(KEPT, '../lab.md'), 'utf8'))).toContain(`runs/${name}`);
  });

  it.each(runs.filter((name) => name.endsWith('-matrix.txt')))('%s has its evidence', (name) => {
    const { kernel } = JSON.parse(
      readFileSync(join(KEPT, name.replace('-matrix.txt', '.json')), 'utf8'),
    ) as { kernel: string };
    expect(readFileSync(join(KEPT, name), 'utf8')).toContain(`boots ${kernel}\n`);
  });
});
