import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { FAILURE_REASONS } from '../../src/failure.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { MAIN, withoutOurs } from '../support/daemon/program.ts';
import { needsTool } from '../support/system/tools.ts';
import { anchorsOf, codeBlocks, linksIn } from './markdown.ts';
import { KNOWN_FLAGS, KNOWN_METRICS } from './names.ts';
import { Cleanup, ROOT } from './processes.ts';
import { RULES } from './prometheus.ts';
import { PCI_CRASH } from './samples.ts';

const FOLDER = join(ROOT, 'deploy/docs');
const pages = readdirSync(FOLDER).filter((name) => name.endsWith('.md'));
const others = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'src/README.md',
  'test/README.md',
  'test/bench/benchmarks.md',
  'test/lab/lab.md',
];
const read = (page: string): string => readFileSync(join(FOLDER, page), 'utf8');
const alerts = [...readFileSync(RULES, 'utf8').matchAll(/alert: (\w+)/g)].map(([, name]) => name);
const MODULE = readFileSync(join(ROOT, 'deploy/selinux/hwerr_exporter.te'), 'utf8');
/**
 * Names that are no metrics: the array, its struct, the function that fills it, a column of the ledger, and
 * those of the SELinux module.
 */
const OTHER_NAMES: ReadonlySet<string> = new Set([
  'hwerr_reason',
  'hwerr_data',
  'hwerr_info',
  'hwerr_log_error_type',
  ...(MODULE.match(/\bhwerr_exporter[a-z_]*\b/g) ?? []),
]);
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.each([...pages.map((page) => `deploy/docs/${page}`), ...others])('%s', (page) => {
  const path = join(ROOT, page);
  const text = readFileSync(path, 'utf8');

  it('links to what is there', () => {
    for (const link of linksIn(text)) {
      if (link.startsWith('https://')) continue; // not ours to keep
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : resolve(dirname(path), file);
      expect(existsSync(target), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(target, 'utf8'))).toContain(anchor);
    }
  });

  it('speaks of metrics, flags and alerts that exist', () => {
    for (const [name] of text.matchAll(/\bhwerr_[a-z_]+\b(?!\*)/g)) {
      if (OTHER_NAMES.has(name)) continue;
      expect([...KNOWN_METRICS]).toContain(name);
    }
    for (const [, flag] of text.matchAll(/--([a-z]+\.[a-z.-]*[a-z])/g)) {
      expect([...KNOWN_FLAGS]).toContain(flag);
    }
    for (const [name] of text.matchAll(/\bHwerr[A-Z]\w+/g)) expect(alerts).toContain(name);
  });
});

it.each(pages.filter((page) => page !== 'README.md'))(
  '%s can be reached from the first',
  (page) => {
    expect(linksIn(read('README.md'))).toContain(page);
  },
);

it('every alert has a runbook that says what happened, how bad it is, and what now', () => {
  const sections = read('runbooks.md').split(/^## /m).slice(1);
  expect(sections.map((section) => section.split('\n')[0])).toEqual(alerts);
  for (const section of sections) {
    for (const part of ['What happened', 'How bad', 'What now']) {
      expect(section).toContain(`**${part}.**`);
    }
  }
});

it('every failure reason has its section', () => {
  const sections = [...read('troubleshooting.md').matchAll(/^### (\w+)$/gm)];
  expect(sections.map(([, reason]) => reason)).toEqual(FAILURE_REASONS);
});

it('what was not tested is in one list', () => {
  expect(read('README.md')).toContain('\n## Not tested\n');
  const elsewhere = [...pages.map((page) => join(FOLDER, page)), join(ROOT, 'README.md')].filter(
    (path) => /\bby us\b|not tried[);.]|has not been run/.test(readFileSync(path, 'utf8')),
  );
  expect(elsewhere).toEqual([]);
});

it('the list of metrics is made from the catalogue', () => {
  const script = join(FOLDER, 'make-metrics.mjs');
  expect(read('metrics.md')).toBe(execFileSync(process.execPath, [script], { encoding: 'utf8' }));
});

const blocks = pages.flatMap((page) =>
  codeBlocks(read(page), 'sh run').map((code) => ({ page, code, first: code.split('\n')[0] })),
);
const tools = ['promtool', 'kubectl', 'systemd-analyze'].map((name) => ({
  name,
  tool: needsTool(name),
}));

describe('commands of the pages', () => {
  for (const { page, code, first } of blocks) {
    const needed = tools.find(({ name }) => code.includes(name));
    const check = (): void => {
      execFileSync('/bin/sh', ['-euc', code], { cwd: place(), env: environment(), stdio: 'pipe' });
    };
    const title = `${page}: ${first ?? ''}`;
    if (needed === undefined) it(title, check);
    else needed.tool.it(title, check);
  }

  it('are more than a few', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(7);
  });
});

/** A folder as the pages suppose: the repository's deploy/, a dump, the command. */
function place(): string {
  const folder = cleanup.folder();
  symlinkSync(join(ROOT, 'deploy'), join(folder, 'deploy'));
  copyFileSync(fixture(PCI_CRASH), join(folder, 'vmcore'));
  return folder;
}

function environment(): NodeJS.ProcessEnv {
  const bin = cleanup.folder();
  const command = join(bin, 'hwerr-exporter');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(command, 0o755);
  return {
    ...withoutOurs(process.env),
    PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
  };
}
