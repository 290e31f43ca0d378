// The package of Debian and Ubuntu.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

import { MACHINES, settle, write } from './tree.mjs';

const SCRIPTS = 'deploy/package/deb';
const APPARMOR = 'etc/apparmor.d/hwerr-exporter';
/** glibc 2.28 is what the Node of the package asks for. */
const DEPENDS = [
  'libc6 (>= 2.28)',
  'libgcc-s1 | libgcc1',
  'libstdc++6 (>= 5.2)',
  'init-system-helpers (>= 1.52)',
  'systemd | systemd-standalone-sysusers',
];

/** Builds the .deb from a root of tree.mjs, which it changes. */
export function buildDeb(root, { arch, release, out }) {
  const { version, epoch, date, fast } = release;
  const control = join(root, 'DEBIAN');
  const doc = join(root, 'usr/share/doc/hwerr-exporter');
  const changelog = `hwerr-exporter (${version}) unstable; urgency=medium

  * See CHANGELOG.md.

 -- hwerr-exporter authors <hwerr-exporter@localhost>  ${new Date(date).toUTCString().replace('GMT', '+0000')}
`;
  write(join(doc, 'changelog.gz'), gzipSync(changelog, { level: 9 }));
  write(join(root, APPARMOR), readFileSync('deploy/apparmor/hwerr-exporter'));
  const overrides = join(root, 'usr/share/lintian/overrides/hwerr-exporter');
  write(overrides, readFileSync(join(SCRIPTS, 'lintian-overrides')));
  const files = filesBelow(root);
  const size = files.reduce((sum, file) => sum + Math.ceil(statSync(file).size / 1024), 0);
  mkdirSync(control, { recursive: true });
  for (const name of readdirSync(SCRIPTS)) {
    if (name !== 'lintian-overrides') copyFileSync(join(SCRIPTS, name), join(control, name));
  }
  write(join(control, 'conffiles'), `/etc/default/hwerr-exporter\n/${APPARMOR}\n`);
  write(
    join(control, 'control'),
    `Package: hwerr-exporter
Version: ${version}
Architecture: ${MACHINES[arch].deb}
Maintainer: hwerr-exporter authors <hwerr-exporter@localhost>
Installed-Size: ${size}
Depends: ${DEPENDS.join(', ')}
Section: net
Priority: optional
Description: Prometheus exporter for the hardware errors recorded in Linux kdump vmcores
 Since Linux 6.19 the kernel counts the hardware errors it survived, in memory.
 After a crash the dump is the only copy. This exporter reads the counters from
 every new dump without debuginfo and exposes them to Prometheus.
 .
 It has its own Node.js inside.
`,
  );
  const sums = files.map((file) => {
    const path = relative(root, file);
    return `${createHash('md5').update(readFileSync(file)).digest('hex')}  ${path}\n`;
  });
  write(join(control, 'md5sums'), sums.filter((line) => !line.includes('  etc/')).join(''));
  settle(root, epoch);
  const file = join(out, `hwerr-exporter_${version}_${MACHINES[arch].deb}.deb`);
  const compression = ['-Zxz', fast ? '-z0' : '-z6', '--threads-max=1'];
  execFileSync('dpkg-deb', ['--root-owner-group', ...compression, '--build', root, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return file;
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
