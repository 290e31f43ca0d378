// Which alerts come in which situation, by `promtool test rules`; deploy/docs/alerts.md has the same as a
// table, which HWERR_UPDATE=1 writes.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';
import { stringify } from 'yaml';

import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';
import { ROOT } from './processes.ts';
import { RULES } from './prometheus.ts';
import { SITUATIONS, alertsTable, promtoolTests } from './situations.ts';

const PAGE = join(ROOT, 'deploy/docs/alerts.md');
const BEGIN = '<!-- begin: made from test/deploy/situations.ts -->\n\n';
const END = '\n\n<!-- end -->';
const promtool = needsTool('promtool');

promtool.it(
  'each situation raises the alerts that its table says, when it says, and no other',
  () => {
    const file = join(tempDir(), 'situations.yml');
    writeFileSync(file, stringify(promtoolTests(RULES)));
    execFileSync(promtool.path, ['test', 'rules', file], { stdio: 'pipe' });
  },
);

it('the table of the documentation is that of the situations', () => {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest = ''] = page.split(BEGIN);
  const [, after] = rest.split(END);
  const made = `${before}${BEGIN}${alertsTable()}${END}${after}`;
  if (process.env['HWERR_UPDATE'] !== undefined) writeFileSync(PAGE, made);
  expect(readFileSync(PAGE, 'utf8')).toBe(made);
});

it('no two situations have one name', () => {
  expect(new Set(SITUATIONS.map(({ name }) => name)).size).toBe(SITUATIONS.length);
});
