/** The examples of README.md, as whoever cloned the repository types them. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'README.md'), 'utf8');

/** What a shell outside npm has: the machine's own Node first, however old that is. */
const PATH = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);

/** Each `$ command` of an indented block, and the lines shown below it. */
const examples = [...page.matchAll(/^ {4}\$ (.*)\n((?: {4}(?!\$).*\n|\n(?= {4}))*)/gm)].map(
  ([, command = '', output = '']) => ({ command, output: output.replace(/^ {4}/gm, '') }),
);

describe('README.md', () => {
  const shown = examples.filter(({ output }) => output !== '');

  it.each(shown)('shows what `$command` prints', ({ command, output }) => {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
      cwd: root,
      // npm says on standard error now and then that there is a newer one.
      env: { ...process.env, PATH, npm_config_update_notifier: 'false' },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.trim()).toBe(output.trim());
  });

  it('shows at least one', () => {
    expect(shown.length).toBeGreaterThan(0);
  });

  it('runs the program in no other way than through npx, which brings its Node along', () => {
    const bare = /(?<!npx )node dist\/main\.js/.exec(page);
    expect(bare?.[0]).toBeUndefined();
  });
});
