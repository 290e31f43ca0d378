/** Users, TLS, client certificates, rate limit, headers: by a web configuration that changes under way. */
import { type RequestOptions, request } from 'node:https';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { hashSync } from 'bcryptjs';
import { bcrypt } from 'hash-wasm';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { openssl, selfSigned } from '../support/daemon/certificates.ts';
import { type TestServer, startTestServer } from '../support/daemon/http-server.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const TLS = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n';
/** A hash that takes long enough to be measured. */
const SLOW_USERS = `basic_auth_users:\n  alice: ${hashSync('secret', 11)}\n  bob: ${hashSync('word', 11)}\n`;
const USERS = `basic_auth_users:\n  alice: ${hashSync('secret', 8)}\n`;

/** CPU time of an answer, the least of three: the time by the clock is that of other programs, too. */
async function cpuMs({ url }: TestServer, user: string, password: string): Promise<number> {
  const times = [];
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    await fetch(`${url}/-/healthy`, { headers: basic(user, password) });
    const used = process.cpuUsage(before);
    times.push((used.user + used.system) / 1000);
  }
  return Math.min(...times);
}

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const basic = (user: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

describe('basic authentication', () => {
  it('lets in who knows the password, on every path, and nobody else', async () => {
    server = await startTestServer({ webConfig: USERS });
    for (const path of ['/metrics', '/', '/-/healthy', '/api/v1/crashes', '/nothing']) {
      const refused = await fetch(server.url + path);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toMatch(/^Basic/);
    }
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${server!.url}/metrics`, { headers })).status;
    expect(await status(basic('alice', 'secret'))).toBe(200);
    expect(await status(basic('alice', 'wrong'))).toBe(401);
    expect(await status(basic('mallory', 'secret'))).toBe(401);
    expect(await status(basic('', ''))).toBe(401);
    expect(await status({ authorization: 'Basic !!!' })).toBe(401);
    expect(await status({ authorization: 'Bearer secret' })).toBe(401);
  });

  it('spends as much on an unknown user as on a wrong password, and remembers a right one', async () => {
    server = await startTestServer({
      webConfig: SLOW_USERS,
    });
    await cpuMs(server, 'alice', 'secret');
    const [wrong, unknown, right] = [
      await cpuMs(server, 'alice', 'wrong'),
      await cpuMs(server, 'mallory', 'wrong'),
      await cpuMs(server, 'alice', 'secret'),
    ];
    // Without a password to check it would be a hundredth.
    expect(unknown / wrong).toBeGreaterThan(0.3);
    expect(unknown / wrong).toBeLessThan(3);
    expect(right).toBeLessThan(wrong / 4);
  });

  it('answers right passwords while strangers guess: known ones at once, new ones before the guesses', async () => {
    server = await startTestServer({ webConfig: SLOW_USERS });
    const healthy = `${server.url}/-/healthy`;
    const status = async (user: string, password: string): Promise<number> =>
      (await fetch(healthy, { headers: basic(user, password) })).status;
    await status('alice', 'secret');
    let isOver = false;
    let guessed = 0;
    const guessers = Array.from({ length: 6 }, async (_, i) => {
      for (let k = 0; !isOver; k++) {
        expect(await status('alice', `guess ${i} ${k}`)).toBe(401);
        guessed++;
      }
    });
    try {
      await expect.poll(() => guessed).toBeGreaterThan(2);
      expect(await status('alice', 'secret')).toBe(200);
      const before = guessed;
      expect(await status('bob', 'word')).toBe(200);
      expect(guessed - before).toBeLessThan(5); // and not after all 6
    } finally {
      isOver = true;
      await Promise.all(guessers);
    }
  });

  it('compares passwords as bytes, whatever their encoding', async () => {
    const hash = await bcrypt({
      password: Buffer.from('caf\xe9', 'latin1'),
      salt: Buffer.alloc(16, 7),
      costFactor: 4,
    });
    server = await startTestServer({ webConfig: `basic_auth_users: { alice: ${hash} }\n` });
    const status = async (password: Buffer): Promise<number> => {
      const credentials = Buffer.concat([Buffer.from('alice:'), password]).toString('base64');
      const headers = { authorization: `Basic ${credentials}` };
      return (await fetch(`${server!.url}/-/healthy`, { headers })).status;
    };
    expect(await status(Buffer.from('caf\xe9', 'latin1'))).toBe(200);
    expect(await status(Buffer.from('caf\xe9', 'utf8'))).toBe(401);
    expect(await status(Buffer.from('caf\xe8', 'latin1'))).toBe(401);
  });

  it('takes as long to refuse a user with a cheap hash as one that does not exist', async () => {
    const users = { dear: hashSync('a', 11), cheap: hashSync('b', 4) };
    server = await startTestServer({ webConfig: JSON.stringify({ basic_auth_users: users }) });
    const [cheap, nobody] = [
      await cpuMs(server, 'cheap', 'wrong'),
      await cpuMs(server, 'nobody', 'wrong'),
    ];
    expect(cheap / nobody).toBeGreaterThan(0.3); // without filling up it is a hundredth
    expect(cheap / nobody).toBeLessThan(3);
  });
});

describe('the rate limit and headers', () => {
  it('is used up by users, not by strangers', async () => {
    server = await startTestServer({
      webConfig: `${USERS}rate_limit:\n  interval: 1h\n  burst: 2\n`,
    });
    const status = async (password: string): Promise<number> =>
      (await fetch(`${server!.url}/-/healthy`, { headers: basic('alice', password) })).status;
    for (let i = 0; i < 3; i++) expect(await status('wrong')).toBe(401);
    expect([await status('secret'), await status('secret'), await status('secret')]).toEqual([
      200, 200, 429,
    ]);
  });

  it('lets a burst through, then one an interval', async () => {
    server = await startTestServer({ webConfig: 'rate_limit:\n  interval: 1h\n  burst: 3\n' });
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await fetch(`${server.url}/-/healthy`)).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  it('sets the headers that are configured, over its own', async () => {
    const policy = "default-src 'self'";
    server = await startTestServer({
      webConfig: `http_server_config:\n  headers:\n    Content-Security-Policy: "${policy}"\n    Strict-Transport-Security: max-age=60\n`,
    });
    const { headers } = await fetch(server.url);
    expect(headers.get('content-security-policy')).toBe(policy);
    expect(headers.get('strict-transport-security')).toBe('max-age=60');
  });
});

openssl.describe('TLS', () => {
  let folder: string;
  beforeAll(() => {
    folder = tempDir();
    selfSigned(folder, 'server');
    selfSigned(folder, 'client', 'DNS:scraper');
    selfSigned(folder, 'stranger', 'DNS:stranger');
  });
  const pem = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const client = (name: string): RequestOptions => ({
    cert: pem(`${name}.crt`),
    key: pem(`${name}.key`),
  });

  /** Status of a request, or 'refused'. */
  const get = (options: RequestOptions = {}): Promise<number | 'refused'> =>
    new Promise((resolve) => {
      request(
        {
          port: server!.port,
          host: '127.0.0.1',
          path: '/-/healthy',
          ca: pem('server.crt'),
          agent: false,
          ...options,
        },
        (response) => {
          response.resume().on('end', () => {
            resolve(response.statusCode!);
          });
        },
      )
        .on('error', () => {
          resolve('refused');
        })
        .end();
    });

  it('serves, from version 1.2 on, and no plain HTTP', async () => {
    server = await startTestServer({ folder, webConfig: TLS });
    expect(await get()).toBe(200);
    expect(await get({ maxVersion: 'TLSv1.2' })).toBe(200);
    expect(
      await get({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).toBe('refused');
    const plain = await fetch(`${server.url}/-/healthy`);
    expect(plain.status).toBe(400);
    expect(await plain.text()).toBe('Client sent an HTTP request to an HTTPS server.\n');
  });

  it('keeps to min_version', async () => {
    server = await startTestServer({ folder, webConfig: `${TLS}  min_version: TLS13\n` });
    expect(await get()).toBe(200);
    expect(await get({ maxVersion: 'TLSv1.2' })).toBe('refused');
  });

  const CA = '  client_ca_file: client.crt\n';
  const policies = [
    // policy, without a certificate, with a stranger's, with one of the CA
    ['NoClientCert', '', 200, 200, 200],
    ['RequestClientCert', '', 200, 200, 200],
    ['RequireAnyClientCert', '', 'refused', 200, 200],
    ['VerifyClientCertIfGiven', CA, 200, 'refused', 200],
    ['RequireAndVerifyClientCert', CA, 'refused', 'refused', 200],
    [
      'RequireAndVerifyClientCert',
      `${CA}  client_allowed_sans: [other, scraper]\n`,
      'refused',
      'refused',
      200,
    ],
    [
      'RequireAndVerifyClientCert',
      `${CA}  client_allowed_sans: [other]\n`,
      'refused',
      'refused',
      'refused',
    ],
  ] as const;
  for (const [policy, more, ...expected] of policies) {
    it(`${policy} ${more.includes('sans') ? more.split('\n')[1]!.trim() : ''} lets in whom it should`, async () => {
      server = await startTestServer({
        folder,
        webConfig: `${TLS}  client_auth_type: ${policy}\n${more}`,
      });
      expect([await get(), await get(client('stranger')), await get(client('client'))]).toEqual(
        expected,
      );
    });
  }

  it('follows its files: users and certificate; a bad file changes nothing', async () => {
    server = await startTestServer({ folder, webConfig: TLS });
    const change = (text: string): void => {
      writeFileSync(server!.webConfigFile, text);
      server!.webConfig.reload();
    };
    expect(await get()).toBe(200);
    change(`${TLS}${USERS}`);
    expect(await get()).toBe(401);
    change('tls_server_config: [');
    expect(await get()).toBe(401);
    expect(server.log()).toMatch(/cannot read the web configuration, .*web\.yml:1/);
    change(TLS.replaceAll('server.', 'stranger.'));
    expect(await get()).toBe('refused'); // its client trusts the old certificate
    expect(await get({ ca: pem('stranger.crt'), servername: 'stranger' })).toBe(200);
  });

  it('stays on or off until a restart; users change all the same', async () => {
    server = await startTestServer({ folder, webConfig: TLS });
    writeFileSync(server.webConfigFile, USERS);
    server.webConfig.reload();
    expect(await get()).toBe(401);
    expect(server.log()).toContain('switching TLS on or off needs a restart');
    await server.close();
    server = await startTestServer({ folder, webConfig: '' });
    writeFileSync(server.webConfigFile, `${TLS}${USERS}`);
    server.webConfig.reload();
    expect(await get()).toBe('refused');
    expect((await fetch(`${server.url}/-/healthy`)).status).toBe(401);
  });

  it('notices a renewed certificate by itself', async () => {
    selfSigned(folder, 'renewed');
    server = await startTestServer({ folder, webConfig: TLS.replaceAll('server.', 'renewed.') });
    expect(await get({ ca: pem('renewed.crt') })).toBe(200);
    selfSigned(folder, 'renewed');
    await expect.poll(() => get({ ca: pem('renewed.crt') })).toBe(200);
  });
});
