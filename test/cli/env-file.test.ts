import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { parseEnvFile } from '../../src/cli/env-file.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

/** What systemd reads by the same rules when it makes the environment of a user's services. */
const generator = needsTool(
  '/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator',
);

/** A file, and what it assigns to the variable A. */
const FILES: readonly (readonly [what: string, text: string, value: string | undefined])[] = [
  ['a plain value', 'A=1\n', '1'],
  ['a file without a line end', 'A=1', '1'],
  ['no value', 'A=\n', ''],
  ['white space around both', ' A = x y  \n', 'x y'],
  ['a comment', '# A=2\n; A=3\nA=1\n', '1'],
  ['no comment behind a value', 'A=1 # one\n', '1 # one'],
  ['the last of several', 'A=1\nA=2\n', '2'],
  ['single quotes', `A='a \\ "b" \n c'\n`, 'a \\ "b" \n c'],
  ['double quotes', 'A="a \\"b\\" \\\\ \\n c"\n', 'a "b" \\ \\n c'],
  ['a line end between quotes', 'A="a\nb"\n', 'a\nb'],
  ['a line that goes on, quoted', 'A="a\\\nb"\n', 'ab'],
  ['a line that goes on', 'A=a\\\nb\n', 'ab'],
  ['several quotes', `A='a' "b"c d\n`, 'abc d'],
  ['a quote in the middle', 'A=a"b"\n', 'a"b"'],
  ['an escape', 'A=a\\b\\ \n', 'ab '],
  ['a quote that is not closed', 'A="a\n', 'a\n'],
  ['a backslash at the end', 'A=a\\', 'a'],
  ['a quoted backslash at the end', 'A="a\\', 'a'],
  ['Windows line ends', 'A=1\r\nB=2\r\n', '1'],
  ['no assignment', 'A\nB=1\n', undefined],
  ['a name of a shell', 'export A=1\n', undefined],
  ['a line that begins with =', '=1\nB=1\n', undefined],
];

describe('parseEnvFile', () => {
  it.each(FILES)('reads %s', (_what, text, value) => {
    expect(parseEnvFile(text).variables['A']).toBe(value);
  });

  generator.describe('agrees with systemd', () => {
    // It prints no empty ones.
    it.each(FILES.filter(([, , value]) => value !== ''))('on %s', (_what, text, value) => {
      const home = tempDir();
      mkdirSync(join(home, 'environment.d'));
      writeFileSync(join(home, 'environment.d/a.conf'), text);
      const printed = execFileSync(generator.path, {
        env: { XDG_CONFIG_HOME: home },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      // It quotes what a shell would take apart, with \n for a line end.
      const [, quoted, bare] = /^A=(?:"(.*)"|(.*))$/m.exec(printed) ?? [];
      const said = quoted?.replace(/\\(.)/g, (_pair, c: string) => (c === 'n' ? '\n' : c));
      expect(said ?? bare).toBe(value);
    });
  });

  it('says which lines are no assignment', () => {
    expect(parseEnvFile('A=1\n\nB\nC="a\nb"\nexport D=1\n=\n').ignored).toEqual([3, 6, 7]);
  });

  it('takes time that grows with the file', () => {
    for (const text of ["A='", 'A="\\', 'A=\\ ', ' ', '=', 'A\n', 'A=" "']) {
      expect(() => parseEnvFile(text.repeat(200_000))).not.toThrow();
    }
  });
});
