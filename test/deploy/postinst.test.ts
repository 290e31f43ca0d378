/** What dpkg runs when the package is installed, where an image is built: nothing runs there, no /proc. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, describe, expect } from 'vitest';

import { needsTool } from '../support/system/tools.ts';
import { canMount, inRoot, overlay } from './overlay.ts';
import { Cleanup, ROOT } from './processes.ts';

const FILES = {
  'deploy/package/deb/postinst': 'postinst',
  'deploy/systemd/hwerr-exporter.service': 'usr/lib/systemd/system/hwerr-exporter.service',
  'deploy/systemd/hwerr-exporter.sysusers.conf': 'usr/lib/sysusers.d/hwerr-exporter.conf',
  'deploy/systemd/hwerr-exporter.tmpfiles.conf': 'usr/lib/tmpfiles.d/hwerr-exporter.conf',
};
const tmpfiles = needsTool('systemd-tmpfiles');
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.skipIf(!canMount)('the postinst of the deb', () => {
  tmpfiles.it('makes the user and enables the unit without /proc', () => {
    const root = overlay(cleanup);
    execFileSync('umount', [join(root, 'proc')]);
    const enabled = join(root, 'etc/systemd/system/multi-user.target.wants/hwerr-exporter.service');
    rmSync(enabled, { force: true }); // this machine may have it
    for (const [from, to] of Object.entries(FILES)) copyFileSync(join(ROOT, from), join(root, to));
    const asDpkg = ['env', 'DPKG_MAINTSCRIPT_PACKAGE=hwerr-exporter'];
    inRoot(root, ...asDpkg, 'sh', '/postinst', 'configure', '');
    expect(inRoot(root, 'getent', 'passwd', 'hwerr-exporter')).toContain('/nonexistent');
    expect(lstatSync(enabled).isSymbolicLink()).toBe(true);
  });
});
