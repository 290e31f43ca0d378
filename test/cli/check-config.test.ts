/** check-config and the flags it shares with the daemon, as the built program answers. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { FLAGS, environmentName } from '../../src/config.ts';
import { withoutOurs } from '../support/daemon/program.ts';
import { temporaryFolder } from '../support/daemon/http-server.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const run = (args: readonly string[], environment: Record<string, string> = {}) =>
  spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    env: { ...withoutOurs(process.env), ...environment },
  });

describe('check-config', () => {
  it('accepts the defaults and a good web configuration', () => {
    expect(run(['check-config'])).toMatchObject({ status: 0, stdout: 'flags: good\n' });
    const file = join(temporaryFolder(), 'web.yml');
    writeFileSync(file, 'http_server_config:\n  headers:\n    X-Frame-Options: deny\n');
    expect(run(['check-config', '--web.config.file', file]).status).toBe(0);
  });

  it('names file, line and key of a bad web configuration', () => {
    const file = join(temporaryFolder(), 'web.yml');
    writeFileSync(file, '# users\nbasic_auth_users:\n  alice: secret\n');
    expect(run(['check-config'], { HWERR_WEB_CONFIG_FILE: file })).toMatchObject({
      status: 1,
      stdout: `flags: good\n${file}:3: basic_auth_users.alice: not a bcrypt hash\n`,
    });
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
      expect(stdout.startsWith(`${flag}: got "${value}", want `)).toBe(true);
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
