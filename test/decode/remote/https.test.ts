// Dumps behind URLs, read by the built program from a real web server.

import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect } from 'vitest';

import { kdumpOf, kernel } from '../../support/builders/kernel-builder.ts';
import { type Ended, run } from '../../support/daemon/program.ts';
import { fixture } from '../../support/dumps/fixtures.ts';
import { writeLargeDump } from '../../support/dumps/large-dump.ts';
import { sharedVmcores } from '../../support/dumps/shared-vmcores.ts';
import { type Nginx, nginxTool, startNginx } from '../../support/system/nginx.ts';
import { tempDir } from '../../support/system/temp-dir.ts';

const DUMP = 'x86_64-7.3.4.zlib';

/** A folder with the dump in it. */
function folderWithDump(): string {
  const folder = tempDir();
  copyFileSync(fixture(DUMP), join(folder, DUMP));
  return folder;
}

function decode(nginx: Nginx, path: string, ...flags: readonly string[]): Promise<Ended> {
  return run(['decode', '--json', `${nginx.url}/${path}`, ...flags], nginx.environment);
}

function printed({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function bytesSent(nginx: Nginx): Promise<number> {
  return (await nginx.requests()).reduce((sum, request) => sum + request.bytesSent, 0);
}

/** What the program says of what it could not decode. */
function failureIn(ended: Ended): unknown {
  expect(ended.code).toBe(1);
  return printed(ended)['error'];
}

const ofServer = (message: string): unknown => expect.stringContaining(message);

nginxTool.describe('decode https://...', () => {
  for (const name of [DUMP, 'arm64-7.3.4.flat-zlib', 'x86_64-7.3.4.elf']) {
    nginxTool.it(`says of ${name} what it says of the file`, async () => {
      const nginx = await startNginx(join(fixture(DUMP), '..'));
      const ended = await decode(nginx, name);
      const { stdout } = await run(['decode', '--json', fixture(name)]);
      const file = `${nginx.url}/${name}`;
      expect(printed(ended)).toEqual({ ...(JSON.parse(stdout) as object), file });
      expect(ended.code).toBe(0);
    });
  }

  nginxTool.it('unpacks what is packed as a whole', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'dump.gz'), gzipSync(readFileSync(fixture(DUMP))));
    const nginx = await startNginx(folder);
    const { code, stdout } = await decode(nginx, 'dump.gz');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ compression: ['gzip', 'zlib'], incomplete: false });
  });

  nginxTool.it(
    'asks for a few ranges of one state of the object, on kept connections',
    async () => {
      const nginx = await startNginx(folderWithDump());
      expect((await decode(nginx, DUMP)).code).toBe(0);
      const [first, ...others] = await nginx.requests();
      expect(first).toMatchObject({ status: 206, range: 'bytes=0-65535', ifMatch: '' });
      const { size } = statSync(fixture(DUMP));
      const ends = others.map(({ range }) => Number(/^bytes=\d+-(\d+)$/.exec(range)?.[1]));
      expect(Math.max(...ends)).toBeLessThan(size);
      expect(new Set(others.map(({ ifMatch }) => ifMatch)).size).toBe(1);
      expect(others[0]?.ifMatch).toMatch(/^"/);
      expect(
        new Set((await nginx.requests()).map(({ connection }) => connection)).size,
      ).toBeLessThan(5);
    },
  );

  nginxTool.it('reads 8 MiB at most of a dump of 20 GB, in 60 requests', async () => {
    const folder = tempDir();
    writeLargeDump(join(folder, 'large'), fixture(DUMP), 20e9);
    const nginx = await startNginx(folder);
    const ended = await decode(nginx, 'large');
    const { stdout } = await run(['decode', '--json', fixture(DUMP)]);
    const file = `${nginx.url}/large`;
    expect(printed(ended)).toEqual({ ...(JSON.parse(stdout) as object), file });
    expect((await nginx.requests()).length).toBeLessThanOrEqual(60);
    expect(await bytesSent(nginx)).toBeLessThanOrEqual(8 * 2 ** 20);
  });

  const vmcores = sharedVmcores();
  if (vmcores !== undefined) {
    nginxTool.it('reads 3 MB of a dump of 32 MB [needs ../shared]', async () => {
      const nginx = await startNginx(vmcores);
      expect((await decode(nginx, 'x86_64-7.3.4-whole.zlib')).code).toBe(0);
      expect((await nginx.requests()).length).toBeLessThanOrEqual(35);
      expect(await bytesSent(nginx)).toBeLessThanOrEqual(3e6);
    });
  }

  nginxTool.it('shows no query: whoever has it may read the object', async () => {
    const nginx = await startNginx(folderWithDump(), 'location /private { return 403; }');
    const query = '?X-Amz-Credential=someone&X-Amz-Signature=5ec2e7';
    for (const path of [DUMP, 'private', 'missing']) {
      for (const flags of [['--json'], []]) {
        const url = `${nginx.url}/${path}`;
        const { stdout, stderr } = await run(['decode', ...flags, url + query], nginx.environment);
        expect(stdout + stderr).not.toMatch(/X-Amz|5ec2e7/);
        expect(stdout + stderr).toContain(url);
      }
    }
    expect((await nginx.requests()).map(({ uri }) => uri)).toContain(`/${DUMP}${query}`);
  });

  nginxTool.it('follows a redirect once, and asks where it led from then on', async () => {
    const nginx = await startNginx(folderWithDump(), `rewrite ^/latest$ /${DUMP} redirect;`);
    const ended = await decode(nginx, 'latest');
    expect(ended.code).toBe(0);
    expect(printed(ended)['file']).toBe(`${nginx.url}/latest`);
    const uris = (await nginx.requests()).map(({ uri }) => uri);
    expect(uris.filter((uri) => uri === '/latest')).toHaveLength(1);
  });

  nginxTool.it('follows five redirects at most', async () => {
    const nginx = await startNginx(tempDir(), 'location / { return 302 $uri/x; }');
    const error = failureIn(await decode(nginx, 'a'));
    expect(error).toMatchObject({ reason: 'io', message: ofServer('more than 5 redirects') });
  });

  nginxTool.it('follows no redirect to plain http', async () => {
    const settings = `location /moved { return 302 http://127.0.0.1:$PLAIN/${DUMP}; }`;
    const nginx = await startNginx(folderWithDump(), settings);
    const error = failureIn(await decode(nginx, 'moved'));
    expect(error).toMatchObject({ reason: 'io', message: ofServer('redirects to http://') });
  });

  nginxTool.it('reads plain http only where it is told to', async () => {
    const nginx = await startNginx(folderWithDump());
    const url = `${nginx.plainUrl}/${DUMP}`;
    const refused = await run(['decode', '--json', url]);
    expect(failureIn(refused)).toMatchObject({ reason: 'io', message: ofServer('want https://') });
    expect(await nginx.requests()).toEqual([]);
    expect((await run(['decode', '--plain-http', url])).code).toBe(0);
  });

  nginxTool.it('reads nothing from a server whose certificate it does not trust', async () => {
    const nginx = await startNginx(folderWithDump());
    const ended = await run(['decode', '--json', `${nginx.url}/${DUMP}`]);
    expect(failureIn(ended)).toMatchObject({ reason: 'io', message: ofServer('certificate') });
    expect(await nginx.requests()).toEqual([]);
  });

  nginxTool.it('trusts whom the system trusts', async () => {
    const nginx = await startNginx(folderWithDump());
    const { NODE_EXTRA_CA_CERTS: SSL_CERT_FILE = '' } = nginx.environment;
    const ended = await run(['decode', `${nginx.url}/${DUMP}`], { SSL_CERT_FILE });
    expect(ended.code).toBe(0);
  });

  nginxTool.it('sends no user and no password, and shows none', async () => {
    const nginx = await startNginx(folderWithDump());
    const url = `${nginx.url}/${DUMP}`.replace('//', '//somebody:s3cr3t@');
    const ended = await run(['decode', '--json', url], nginx.environment);
    expect(failureIn(ended)).toMatchObject({
      reason: 'io',
      message: ofServer('user or a password'),
    });
    expect(ended.stdout).not.toMatch(/s3cr3t|somebody/);
    expect(await nginx.requests()).toEqual([]);
  });

  nginxTool.it('goes through the proxy of the environment', async () => {
    const nginx = await startNginx(folderWithDump());
    const url = `${nginx.url}/${DUMP}`;
    const proxied = { ...nginx.environment, HTTPS_PROXY: 'http://127.0.0.1:1' };
    const ended = await run(['decode', '--json', '--decode.timeout=1s', url], proxied);
    expect(failureIn(ended)).toMatchObject({
      reason: expect.stringMatching(/io|timeout/) as string,
    });
    expect(await nginx.requests()).toEqual([]);
    expect((await run(['decode', url], { ...proxied, NO_PROXY: 'localhost' })).code).toBe(0);
  });

  nginxTool.it('says that a server answers no ranges', async () => {
    const nginx = await startNginx(folderWithDump(), 'max_ranges 0;');
    const error = failureIn(await decode(nginx, DUMP));
    expect(error).toMatchObject({ reason: 'io', message: ofServer('does not answer ranges') });
  });

  nginxTool.it('takes the whole of an object that is no larger than its first range', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'small'), 'no dump');
    writeFileSync(join(folder, 'empty'), '');
    const nginx = await startNginx(folder, 'max_ranges 0;');
    expect(failureIn(await decode(nginx, 'small'))).toMatchObject({ reason: 'not_a_dump' });
    expect(failureIn(await decode(nginx, 'empty'))).toMatchObject({ reason: 'truncated' });
  });

  for (const [status, reason] of [
    [401, 'permission'],
    [403, 'permission'],
    [404, 'io'],
    [410, 'io'],
    [418, 'io'],
  ] as const) {
    nginxTool.it(`calls ${status} ${reason}, and asks once`, async () => {
      const nginx = await startNginx(tempDir(), `location / { return ${status}; }`);
      expect(failureIn(await decode(nginx, 'dump'))).toMatchObject({ reason });
      expect(await nginx.requests()).toHaveLength(1);
    });
  }

  nginxTool.it('tries again what a busy server refused', async () => {
    // Every other request of a connection.
    const globals = 'map $connection_requests $is_busy { default ""; "~[02468]$" 1; }';
    const nginx = await startNginx(folderWithDump(), 'if ($is_busy) { return 503; }', globals);
    const ended = await decode(nginx, DUMP);
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(0);
    const statuses = (await nginx.requests()).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([206, 503]));
  });

  nginxTool.it('gives up after six refusals', async () => {
    const nginx = await startNginx(tempDir(), 'location / { return 503; }');
    const error = failureIn(await decode(nginx, 'dump'));
    expect(error).toMatchObject({ reason: 'io', message: ofServer('got 503, 6 times') });
    expect(await nginx.requests()).toHaveLength(6);
  });

  nginxTool.it('waits for a server that hangs no longer than --decode.timeout', async () => {
    const nginx = await startNginx(folderWithDump());
    nginx.process.kill('SIGSTOP');
    const error = failureIn(await decode(nginx, DUMP, '--decode.timeout=2s'));
    expect(error).toMatchObject({ reason: 'timeout', message: ofServer('took longer than 2 s') });
  });

  nginxTool.it('decodes the parts of a split dump that are given together', async () => {
    const built = kernel({ fillers: 300 });
    const first = Number(built.physical / 4096n);
    const ends = [first + 0x10, first + 0x50, first + 0x1000];
    const folder = tempDir();
    for (const [i, end] of ends.entries()) {
      const { bytes } = kdumpOf(built, { split: [ends[i - 1] ?? 0, end] });
      writeFileSync(join(folder, `part${i}`), bytes);
    }
    const nginx = await startNginx(folder);
    const urls = ends.map((_, i) => `${nginx.url}/part${i}`);
    const ended = await run(['decode', '--json', ...urls.toReversed()], nginx.environment);
    expect(ended.code).toBe(0);
    expect(printed(ended)).toMatchObject({ parts: urls, hwerr: { kind: 'present' } });
  });
});
