/** deploy/apparmor: what AppArmor lets the units do. That it is enough, `npm run lab:unit` sees on a whole machine. */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { FLAGS } from '../../src/config.ts';
import { needsTool } from '../support/system/tools.ts';
import { ROOT } from './processes.ts';

const PROFILE = readFileSync(join(ROOT, 'deploy/apparmor/hwerr-exporter'), 'utf8');
const SYSTEMD = join(ROOT, 'deploy/systemd');
const services = readdirSync(SYSTEMD).filter((name) => name.endsWith('.service'));
const { directories, pstorePaths, ledgerPath } = FLAGS;
const parser = needsTool('apparmor_parser');

describe('the AppArmor profile', () => {
  parser.it('is one, by apparmor_parser', () => {
    expect(parsed(PROFILE)).toBe(0);
    expect(parsed(PROFILE.replace('mrix', 'mrq'))).not.toBe(0);
  });

  it.each(services)('is that of %s, where it is loaded', (name) => {
    expect(readFileSync(join(SYSTEMD, name), 'utf8')).toContain(
      '\nAppArmorProfile=-hwerr-exporter\n',
    );
    expect(PROFILE).toContain('\nprofile hwerr-exporter ');
  });

  it.each([
    [directories.defaultText, 'r'],
    [pstorePaths.defaultText, 'r'],
    [ledgerPath.defaultText, 'rwk'],
  ] as const)('gives %s as %s', (paths = '', access) => {
    for (const path of paths.split(',')) {
      expect(PROFILE.replaceAll('@{sys}', '/sys')).toContain(`\n  ${path}/{,**} ${access},\n`);
    }
  });

  it('gives the whole disk to nobody', () => {
    const rules = PROFILE.matchAll(/^ {2}(?:owner )?(\S*\/\S*) \w+,$/gm);
    const paths = [...rules].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => /^\/(\*|\{,\*|var\/\*|etc\/\*|home|root)/.test(path))).toEqual(
      [],
    );
  });
});

/** The exit code of the parser, which loads nothing. */
function parsed(profile: string): number | null {
  const args = ['--skip-kernel-load', '--skip-cache'];
  return spawnSync(parser.path, args, { input: profile, stdio: ['pipe', 'ignore', 'ignore'] })
    .status;
}
