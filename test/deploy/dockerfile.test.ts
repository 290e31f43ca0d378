import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { eventually } from '../support/system/eventually.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { needsTool } from '../support/system/tools.ts';
import { type Image, build, instructions } from './dockerfile.ts';
import { KNOWN_VARIABLES } from './names.ts';
import { Cleanup, ROOT, endWith, start } from './processes.ts';

const steps = instructions(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Whether this machine lets us mount and change roots as a builder must. */
const canBuild = spawnSync('unshare', ['--mount', 'true']).status === 0 && process.getuid?.() === 0;
const setpriv = needsTool('setpriv');

describe('the Dockerfile', () => {
  const all = (name: string): string[] =>
    steps.filter((step) => step.name === name).map(({ rest }) => rest);

  it('builds and runs on the slim image of Node 24', () => {
    expect(all('FROM')).toEqual(['node:24-slim AS build', 'node:24-slim']);
  });

  it('ends as a user that is not root, by number, so that Kubernetes can tell', () => {
    expect(all('USER')).toEqual(['65532:65532']);
  });

  it('has the labels of the OCI', () => {
    const labels = all('LABEL').join(' ');
    for (const label of ['title', 'description', 'licenses', 'revision']) {
      expect(labels).toContain(`org.opencontainers.image.${label}=`);
    }
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(labels).toContain(`org.opencontainers.image.version="${version}"`);
  });

  it('sets what exists', () => {
    for (const [name] of all('ENV')
      .join(' ')
      .matchAll(/HWERR_\w+/g)) {
      expect(KNOWN_VARIABLES).toContain(name);
    }
  });

  it('copies only what .dockerignore lets into the context', () => {
    const ignore = readFileSync(join(ROOT, '.dockerignore'), 'utf8');
    const allowed = [...ignore.matchAll(/^!(.+)$/gm)].map(([, path]) => path);
    const copied = all('COPY')
      .filter((rest) => !rest.startsWith('--from'))
      .flatMap((rest) => rest.split(/\s+/).slice(0, -1));
    expect(copied.sort()).toEqual(allowed.sort());
  });
});

describe.skipIf(!canBuild)('built in a chroot', () => {
  setpriv.describe('on a read-only root, without any capability', () => {
    const built = new Cleanup();
    let image: Image;

    beforeAll(() => {
      const folder = built.folder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'build', folder]);
      built.add(() => void execFileSync('umount', ['--recursive', folder]));
      const context = join(folder, 'context');
      mkdirSync(context);
      for (const name of ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'src']) {
        cpSync(join(ROOT, name), join(context, name), { recursive: true });
      }
      cpSync(join(ROOT, 'LICENSE'), join(context, 'LICENSE'));
      image = build(steps, { context, folder, args: { REVISION: '0123abcd' } });
      for (const path of ['var/crash', 'textfile']) {
        mkdirSync(join(image.root, path), { recursive: true });
      }
      const packed = gzipSync(readFileSync(fixture('x86_64-7.3.4.lzo')));
      writeFileSync(join(image.root, 'var/crash/vmcore'), packed);
      execFileSync('mount', ['-o', 'remount,ro', image.root]);
      execFileSync('mount', ['-t', 'tmpfs', 'volume', join(image.root, 'tmp')]);
      execFileSync('mount', ['-t', 'proc', 'proc', join(image.root, 'proc')]); // as every engine does
    });
    afterAll(() => built.run());

    function mountVolume(path: string, owner: string): void {
      const options = `mode=700,uid=${owner},gid=${owner}`;
      const target = join(image.root, path);
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'volume', target]);
    }

    /** A command in the image, as a container of that user would run it. */
    function inImage(id: string, command: readonly string[]): readonly [string, string[]] {
      const user = [`--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--no-new-privs'];
      const bounds = ['--bounding-set=-all', '--inh-caps=-all'];
      return ['chroot', [image.root, setpriv.path, ...user, ...bounds, ...command]];
    }

    function environment(): Readonly<Record<string, string>> {
      return { ...image.environment, TMPDIR: '/tmp' };
    }

    it('it has what runs and nothing that builds', () => {
      expect(readdirSync(join(image.root, 'app')).sort()).toEqual(
        ['LICENSE', 'dist', 'node_modules', 'package.json'].sort(),
      );
      const modules = readdirSync(join(image.root, 'app/node_modules'));
      expect(modules).toEqual(expect.arrayContaining(['express', 'prom-client']));
      expect(modules).not.toContain('typescript');
    });

    it('it starts, is healthy, and records a packed dump', async () => {
      const [id = ''] = image.user.split(':');
      mountVolume('var/lib/hwerr-exporter', id);
      const env = environment();
      const [command, args] = inImage(id, [...image.entrypoint, ...image.command]);
      const url = 'http://127.0.0.1:10048';
      await start({ command, args, env, readyUrl: `${url}/-/ready` }, cleanup);

      const [probe, probeArgs] = inImage(id, image.healthcheck);
      expect(spawnSync(probe, probeArgs, { env: { ...process.env, ...env } }).status).toBe(0);
      const text = await eventually('the packed dump is recorded', async () => {
        const answer = await (await fetch(`${url}/metrics`)).text();
        return answer.includes('hwerr_crashes_total 1\n') ? answer : undefined;
      });
      expect(text).toContain('hwerr_recoverable_errors_total{category="pci"} 7\n');
      expect(text).toContain('hwerr_ledger_state{state="ready"} 1\n');
      expect(text).toContain('revision="0123abcd"');
      const [touch, touchArgs] = inImage(id, ['touch', '/app/x']);
      expect(spawnSync(touch, touchArgs, { encoding: 'utf8' }).stderr).toContain('Read-only');
    });

    it('it writes the file for the collector, by the loop of the DaemonSet, and ends when told to', async () => {
      for (const path of ['var/lib/hwerr-exporter', 'textfile']) mountVolume(path, '0');
      const manifest = readFileSync(
        join(ROOT, 'deploy/kubernetes/textfile/daemonset.yaml'),
        'utf8',
      );
      const { spec } = parse(manifest) as DaemonSet;
      const [{ command, args }] = spec.template.spec.containers;
      const loop = spawn(...inImage('0', [...command, ...args]), {
        env: { ...process.env, ...environment() },
        stdio: 'ignore',
      });
      endWith(loop, cleanup);
      const out = join(image.root, 'textfile/hwerr.prom');
      await eventually('the file is there', () => existsSync(out) || undefined);
      expect(statSync(out).mode & 0o777).toBe(0o644);
      const text = readFileSync(out, 'utf8');
      expect(text).toContain('hwerr_recoverable_errors_total{category="pci"} 7\n');
      // What HwerrScanStale goes by when no pass comes any more.
      const [, scanned] = /^hwerr_last_scan_timestamp_seconds\{.*\} (\S+)$/m.exec(text) ?? [];
      expect(Date.now() / 1000 - Number(scanned)).toBeLessThan(60);
      loop.kill('SIGTERM');
      await eventually('it has ended', () => (loop.exitCode === null ? undefined : true));
      expect(loop.exitCode).toBe(0);
    });
  });
});

interface DaemonSet {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly [
          { readonly command: readonly string[]; readonly args: readonly string[] },
        ];
      };
    };
  };
}
