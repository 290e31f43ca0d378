// The package of RHEL, Fedora and SUSE.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { MACHINES, settle } from './tree.mjs';

/** Builds the .rpm from a root of tree.mjs. */
export function buildRpm(root, { arch, release, out, scratch }) {
  const { version, epoch, fast } = release;
  const machine = MACHINES[arch].rpm;
  const top = join(scratch, `rpm-${arch}`);
  mkdirSync(top, { recursive: true });
  settle(root, epoch);
  const template = readFileSync('deploy/package/rpm/hwerr-exporter.spec', 'utf8');
  const spec = join(top, 'hwerr-exporter.spec');
  const [weekday, day, month, year] = new Date(epoch * 1000).toUTCString().split(/,? /);
  const values = { version, root, day: `${weekday} ${month} ${day} ${year}` };
  writeFileSync(
    spec,
    template.replace(/@(\w+)@/g, (_, name) => values[name]),
  );
  const settings = {
    _topdir: top,
    _buildhost: 'localhost',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    source_date_epoch_from_changelog: '0',
    _build_id_links: 'none',
    debug_package: '%{nil}',
    __os_install_post: '%{nil}',
    _binary_payload: fast ? 'w0.xzdio' : 'w6.xzdio',
  };
  const defines = Object.entries(settings).flatMap(([name, value]) => [
    '--define',
    `${name} ${value}`,
  ]);
  execFileSync('rpmbuild', ['-bb', '--quiet', `--target=${machine}-linux`, ...defines, spec], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const name = `hwerr-exporter-${version}.${machine}.rpm`;
  copyFileSync(
    join(top, 'RPMS', machine, `hwerr-exporter-${version}-1.${machine}.rpm`),
    join(out, name),
  );
  return join(out, name);
}
