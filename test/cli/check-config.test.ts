/** check-config and the flags it shares with the daemon, as the built program answers. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { FLAGS, environmentName } from '../../src/config.ts';
import { withoutOurs } from '../support/daemon/program.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const run = (args: readonly string[], environment: Record<string, string> = {}) =>
  // Node itself would look for a file of --env-file that is not there.
  spawnSync(process.execPath, ['--', MAIN, ...args], {
    encoding: 'utf8',
    env: { ...withoutOurs(process.env), ...environment },
  });

/** Flags that name paths which are there. */
function paths(): string[] {
  return ['--kdump.path', tempDir(), '--ledger.path', tempDir()];
}

describe('check-config', () => {
  it('accepts good settings and a good web configuration', () => {
    const file = join(tempDir(), 'web.yml');
    writeFileSync(file, 'http_server_config:\n  headers:\n    X-Frame-Options: deny\n');
    const [, crash = '', , ledger = ''] = paths();
    const given = ['--kdump.path', crash, '--ledger.path', ledger, '--web.config.file', file];
    expect(run(['check-config', ...given])).toMatchObject({
      status: 0,
      stdout: [
        'ok       flags and variables: good',
        `ok       ${file}: good`,
        `ok       ${crash}: can be read`,
        `ok       ${ledger}: can be written; no ledger is in it yet`,
        '',
      ].join('\n'),
    });
  });

  it('says which path is not there, or is no directory', () => {
    const folder = tempDir();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const given = ['--kdump.path', join(folder, 'crash'), '--symbols.path', file];
    const { status, stdout } = run([
      'check-config',
      ...given,
      '--ledger.path',
      join(folder, 'new'),
    ]);
    expect(status).toBe(1);
    expect(stdout.split('\n').slice(1)).toEqual([
      `problem  ${folder}/crash: is not there. Make it, or name another one with --kdump.path`,
      expect.stringMatching(/^problem {2}.*\/file: ENOTDIR/),
      `ok       ${folder}/new: is not there yet, and can be made`,
      '',
    ]);
  });

  it('reads the file that the unit reads, over the environment', () => {
    const file = join(tempDir(), 'settings');
    writeFileSync(
      file,
      `# of the unit\nHWERR_KDUMP_PATH="${tempDir()}"\nHWERR_LEDGER_PATH=${tempDir()}\nHWERR_LOG_LEVEL='loud'\n`,
    );
    const bad = run(['check-config', '--env-file', file], { HWERR_LOG_LEVEL: 'info' });
    expect(bad).toMatchObject({
      status: 1,
      stdout: 'problem  HWERR_LOG_LEVEL: got "loud", want debug or info or warn or error\n',
    });
    expect(run(['check-config', '--env-file', file, '--log.level=warn']).status).toBe(0);
  });

  it('names variables that set nothing, and a settings file that is not there', () => {
    const { status, stdout } = run(['check-config', ...paths()], { HWERR_KDUMP_PTH: '/x' });
    expect(status).toBe(1);
    expect(stdout).toContain('problem  HWERR_KDUMP_PTH: sets nothing; is it mistyped?\n');
    const missing = join(tempDir(), 'settings');
    expect(run(['check-config', '--env-file', missing]).stdout).toMatch(
      /^problem {2}--env-file: .*settings: ENOENT/,
    );
  });

  it('names file, line and key of a bad web configuration', () => {
    const file = join(tempDir(), 'web.yml');
    writeFileSync(file, '# users\nbasic_auth_users:\n  alice: secret\n');
    const { status, stdout } = run(['check-config', ...paths()], { HWERR_WEB_CONFIG_FILE: file });
    expect(status).toBe(1);
    expect(stdout).toContain(`problem  ${file}:3: basic_auth_users.alice: not a bcrypt hash\n`);
    // The daemon does not start with it either.
    const serve = run(['--web.config.file', file, '--web.listen-address', '127.0.0.1:0']);
    expect(serve).toMatchObject({ status: 1 });
    expect(serve.stderr).toContain(`${file}:3: basic_auth_users.alice`);
  });

  const bad = [
    ['--web.listen-address', '10048'],
    ['--web.telemetry-path', '/probe'],
    ['--web.telemetry-path', '/'],
    ['--mode', 'cluster'],
    ['--hwerr.suspect-window', '5'],
    ['--log.level', 'loud'],
  ] as const;
  for (const [flag, value] of bad) {
    it(`names the flag: ${flag} ${value}`, () => {
      const { status, stdout } = run(['check-config', flag, value]);
      expect(status).toBe(1);
      expect(stdout.startsWith(`problem  ${flag}: got "${value}", want `)).toBe(true);
      expect(run([flag, value]).status).toBe(2);
    });
  }

  it('--help lists every flag with its environment twin and default', () => {
    const { stdout } = run(['serve', '--help']);
    const flat = stdout.replace(/\s+/g, ' ');
    for (const flag of Object.values(FLAGS)) {
      expect(flat).toContain(`--${flag.name}`);
      expect(flat).toContain(`env: ${environmentName(flag)}`);
      if (flag.defaultText !== undefined) expect(flat).toContain(`default: ${flag.defaultText}`);
    }
  });

  it('--version answers', () => {
    expect(run(['--version']).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
