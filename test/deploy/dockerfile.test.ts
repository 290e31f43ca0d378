import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, describe, expect, it } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { needsTool } from '../support/tools.ts';
import { build, instructions } from './dockerfile.ts';
import { KNOWN_VARIABLES } from './names.ts';
import { Cleanup, ROOT, start } from './processes.ts';

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
  setpriv.it(
    'starts on a read-only root without any capability, is healthy, and decodes a packed dump',
    async () => {
      const folder = cleanup.folder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'build', folder]);
      cleanup.add(() => void execFileSync('umount', ['--recursive', folder]));
      const context = join(folder, 'context');
      mkdirSync(context);
      for (const name of ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'src']) {
        cpSync(join(ROOT, name), join(context, name), { recursive: true });
      }
      cpSync(join(ROOT, 'LICENSE'), join(context, 'LICENSE'));
      const image = build(steps, { context, folder, args: { REVISION: '0123abcd' } });

      expect(readdirSync(join(image.root, 'app')).sort()).toEqual(
        ['LICENSE', 'dist', 'node_modules', 'package.json'].sort(),
      );
      const modules = readdirSync(join(image.root, 'app/node_modules'));
      expect(modules).toContain('express');
      expect(modules).not.toContain('typescript');

      mkdirSync(join(image.root, 'var/crash'), { recursive: true });
      const packed = gzipSync(readFileSync(fixture('x86_64-7.3.4.lzo')));
      writeFileSync(join(image.root, 'var/crash/vmcore'), packed);
      execFileSync('mount', ['-o', 'remount,ro', image.root]);
      const volume = join(image.root, 'var/lib/hwerr-exporter');
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'uid=65532,gid=65532', 'ledger', volume]);
      execFileSync('mount', ['-t', 'tmpfs', 'tmp', join(image.root, 'tmp')]);
      const [uid = '', gid = ''] = image.user.split(':');
      const user = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'];
      const inImage = (command: readonly string[]): readonly [string, string[]] => [
        'chroot',
        [image.root, setpriv.path, ...user, '--bounding-set=-all', ...command],
      ];
      const env = { ...image.environment };
      const [command, args] = inImage([...image.entrypoint, ...image.command]);
      const url = 'http://127.0.0.1:10048';
      await start({ command, args, env, readyUrl: `${url}/-/ready` }, cleanup);

      const [probe, probeArgs] = inImage(image.healthcheck);
      expect(spawnSync(probe, probeArgs, { env: { ...process.env, ...env } }).status).toBe(0);
      const text = await eventually('the packed dump is decoded', async () => {
        const answer = await (await fetch(`${url}/metrics`)).text();
        return answer.includes('hwerr_dumps_decoded_total 1\n') ? answer : undefined;
      });
      expect(text).toContain('hwerr_recoverable_errors_total{category="pci"} 7\n');
      expect(text).toContain('revision="0123abcd"');
      const [touch, touchArgs] = inImage(['touch', '/app/x']);
      expect(spawnSync(touch, touchArgs, { encoding: 'utf8' }).stderr).toContain('Read-only');
    },
    300_000,
  );
});
