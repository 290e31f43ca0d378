/** The installation as the page says it, on this machine's root under an overlay. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, describe, expect } from 'vitest';

import { canMount, inRoot, overlay } from './overlay.ts';
import { needsTool } from '../support/system/tools.ts';
import { codeBlocks } from './markdown.ts';
import { Cleanup, ROOT, installNode } from './processes.ts';

/** What a checkout has and an installation needs. */
const CHECKOUT = [
  ...['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'src', 'deploy'],
  ...['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'],
];
const COLLECTOR = '/var/lib/prometheus/node-exporter';
const page = readFileSync(join(ROOT, 'deploy/docs/install.md'), 'utf8');
const setpriv = needsTool('setpriv');
const systemctl = needsTool('systemctl');
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.skipIf(!canMount)('install.md', () => {
  systemctl.describe('its commands', () => {
    setpriv.it('install the program, its user and its units', () => {
      const [install = '', socket = '', textfile = '', ...more] = codeBlocks(page, 'sh root');
      expect(more).toEqual([]);
      const root = checkout();
      mkdirSync(join(root, COLLECTOR), { recursive: true });
      for (const block of [install, socket, textfile]) {
        inRoot(root, '/bin/sh', '-euc', `cd /checkout\n${block}`);
      }

      for (const unit of ['exporter.service', 'exporter.socket', 'exporter-textfile.timer']) {
        expect(inRoot(root, systemctl.path, 'is-enabled', `hwerr-${unit}`)).toBe('enabled\n');
      }
      expect(inRoot(root, 'stat', '--format=%G %A', COLLECTOR)).toMatch(/^hwerr-exporter d...rwx/);
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
        version: string;
      };
      const user = ['--reuid=hwerr-exporter', '--regid=hwerr-exporter', '--clear-groups'];
      const asUser = [setpriv.path, ...user, '--bounding-set=-all', '--no-new-privs'];
      const program = '/usr/local/bin/hwerr-exporter';
      expect(inRoot(root, ...asUser, program, '--version')).toBe(`${version}\n`);
      const ledger = '/var/lib/hwerr-exporter'; // made by the unit
      inRoot(root, 'rm', '-rf', ledger); // this machine may have one
      inRoot(root, 'install', '--directory', '--owner=hwerr-exporter', ledger, '/var/crash');
      const settings = '--env-file=/etc/default/hwerr-exporter';
      expect(inRoot(root, ...asUser, program, 'check-config', settings)).toBe(
        `ok       flags and variables: good
ok       /var/crash: can be read
ok       ${ledger}: can be written; no ledger is in it yet
`,
      );
    });
  });
});

/** This machine's root with a checkout in it. */
function checkout(): string {
  const root = overlay(cleanup);
  installNode(root);
  for (const name of CHECKOUT) {
    cpSync(join(ROOT, name), join(root, 'checkout', name), { recursive: true });
  }
  return root;
}
