/**
 * npm run release [-- --arch=x64] [--out=FOLDER] [--fast]: every package, for x64 and arm64, below ./release.
 * Two runs on one commit give the same bytes. It fetches nothing but the Node of the other machine.
 * Debian packages: binutils, binutils-aarch64-linux-gnu, dpkg-dev, rpm; for the other machine's compiled
 * code qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { buildNpmPackage, buildTarball } from './archives.mjs';
import { buildDeb } from './deb.mjs';
import { buildRpm } from './rpm.mjs';
import { sbom } from './sbom.mjs';
import { MACHINES, writeProgram, writeRoot } from './tree.mjs';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
process.umask(0o022);
const { values } = parseArgs({
  options: {
    arch: { type: 'string', multiple: true, default: Object.keys(MACHINES) },
    out: { type: 'string', default: 'release' },
    fast: { type: 'boolean', default: false }, // little compression, for tests
  },
});
const out = resolve(values.out);
const scratch = mkdtempSync(join(tmpdir(), 'hwerr-release-'));
try {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const release = { ...identity(), fast: values.fast };
  for (const arch of values.arch) await buildFor(arch, release);
  buildNpmPackage({ release, out, scratch });
  const sums = readdirSync(out)
    .sort()
    .map((name) => `${sha256(join(out, name))}  ${name}\n`);
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Version, commit, and the time of the commit, which is that of every file. */
function identity() {
  const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-changed';
  const revision = `${git('rev-parse', 'HEAD')}${changed}`;
  const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct'));
  return { version, revision, epoch, date: new Date(epoch * 1000).toISOString().slice(0, 10) };
}

async function buildFor(arch, release) {
  const program = join(scratch, arch);
  const packages = await writeProgram(program, { arch, release, scratch });
  for (const family of ['deb', 'rpm']) {
    const root = join(scratch, `${arch}-${family}`);
    await writeRoot(root, { program, packages, release, family });
    const build = family === 'deb' ? buildDeb : buildRpm;
    build(root, { arch, release, out, scratch });
  }
  buildTarball(program, { arch, release, out, scratch });
  const name = `hwerr-exporter-${release.version}.linux-${MACHINES[arch].deb}.cdx.json`;
  writeFileSync(join(out, name), sbom(packages, { arch, release }));
}

function sha256(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
