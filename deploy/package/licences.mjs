// The licences of everything that is inside.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const LINE = '-'.repeat(78);

/**
 * What Debian wants in /usr/share/doc/PACKAGE/copyright.
 *
 * @param packages folders of the npm packages that are inside, Node's among them.
 */
export function copyright(packages) {
  const others = packages.map((folder) => {
    const { name, version, license } = describe(folder);
    return `  ${name} ${version}: ${license}`;
  });
  return `hwerr-exporter: Prometheus exporter for the hardware errors recorded in Linux kdump vmcores

Copyright 2026 the hwerr-exporter authors
License: Apache-2.0, on Debian systems in /usr/share/common-licenses/Apache-2.0

Inside are these packages. Their copyright notices and licences are in /usr/lib/hwerr-exporter/LICENSES.

${others.join('\n')}
`;
}

/** The texts of the licences of packages. */
export function licences(packages) {
  const texts = packages.map((folder) => {
    const { name, version, license } = describe(folder);
    return `${LINE}\n${name} ${version}\nLicense: ${license}\n\n${licenceText(folder)}\n`;
  });
  return [`${LINE}\nhwerr-exporter\n\n${readFileSync('LICENSE', 'utf8')}`, ...texts].join('\n');
}

/** The package.json in a folder. */
export function describe(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

function licenceText(folder) {
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  const texts = names.sort().map((name) => readFileSync(join(folder, name), 'utf8').trimEnd());
  return texts.length > 0 ? texts.join('\n\n') : readmeLicence(folder);
}

function readmeLicence(folder) {
  const file = join(folder, 'README.md');
  const readme = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const { author } = describe(folder);
  const text = /^#+ *licen[cs]e\b[^]*/im.exec(readme)?.[0];
  return (
    text ?? `Copyright ${typeof author === 'object' ? author.name : (author ?? 'its authors')}`
  ).trimEnd();
}
