/**
 * The web configurations that exporter-toolkit tests itself with (web/testdata there), written anew:
 * the verdict here is the verdict there. promtool, which checks with exporter-toolkit, is asked too.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { type WebConfig, loadWebConfig } from '../../src/webconfig/web-config.ts';
import { openssl, selfSigned, selfSignedRsa } from '../support/daemon/certificates.ts';
import { makeFifo } from '../support/system/make-fifo.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

const promtool = needsTool('promtool');
const HASH = `$2y$12$${'a'.repeat(53)}`;
const TLS = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n';
const IF_GIVEN = `${TLS}  client_auth_type: VerifyClientCertIfGiven\n`;

interface Case {
  readonly name: string;
  readonly text: string;
  /** What is wrong, as FILE: is followed by it; undefined: it is good. */
  readonly wrong?: RegExp;
  /** Accepted by the check, refused at the start: promtool cannot see it. */
  readonly onlyAtStart?: true;
  /** Good for exporter-toolkit. */
  readonly onlyHere?: true;
  /** Newer than the promtool of Debian 12. */
  readonly newer?: true;
}

const CASES: readonly Case[] = [
  { name: 'empty', text: '' },
  {
    name: 'no YAML structure',
    text: 'hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n',
    wrong: /^1: /,
  },
  {
    name: 'unknown key',
    text: 'tls_server_config:\n  cert_filse: server.crt\n',
    wrong: /^2: tls_server_config\.cert_filse: unknown key/,
  },
  {
    name: 'cert_file empty',
    text: 'tls_server_config:\n  cert_file: ""\n  key_file: server.key\n',
    wrong: /^2: .*cert_file: missing one of cert or cert_file/,
  },
  {
    name: 'cert empty',
    text: 'tls_server_config:\n  cert: ""\n  key_file: server.key\n',
    wrong: /missing one of cert or cert_file/,
  },
  {
    name: 'key_file empty',
    text: 'tls_server_config:\n  cert_file: server.crt\n  key_file: ""\n',
    wrong: /^3: .*missing one of key or key_file/,
  },
  {
    name: 'key empty',
    text: 'tls_server_config:\n  cert_file: server.crt\n  key: ""\n',
    wrong: /missing one of key or key_file/,
  },
  {
    name: 'cert_file and key_file empty',
    text: 'tls_server_config:\n  cert_file: ""\n  key_file: ""\n  client_auth_type: x\n',
    wrong: /missing one of cert/,
  },
  {
    name: 'cert_file missing',
    text: 'tls_server_config:\n  cert_file: somefile\n  key_file: server.key\n',
    wrong: /^2: .*cert_file: ENOENT/,
  },
  {
    name: 'key_file missing',
    text: 'tls_server_config:\n  cert_file: server.crt\n  key_file: somefile\n',
    wrong: /^3: .*key_file: ENOENT/,
  },
  {
    name: 'both files missing',
    text: 'tls_server_config:\n  cert_file: somefile\n  key_file: somefile\n',
    wrong: /ENOENT/,
  },
  {
    name: 'client CA without a policy',
    text: `${TLS}  client_ca_file: /dev/null\n`,
    wrong: /^4: .*client_ca_file: a client CA without/,
  },
  {
    name: 'client CA missing',
    text: `${TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: somefile\n`,
    wrong: /^5: .*ENOENT/,
  },
  {
    name: 'policy without a client CA',
    text: `${TLS}  client_auth_type: RequireAndVerifyClientCert\n`,
  },
  {
    name: 'unknown policy',
    text: `${TLS}  client_auth_type: x\n`,
    wrong: /^4: .*client_auth_type/,
  },
  {
    name: 'password not hashed',
    text: `${TLS}basic_auth_users:\n  john: doe\n`,
    wrong: /^5: basic_auth_users\.john: not a bcrypt hash/,
  },
  {
    name: 'invented cipher',
    text: `${IF_GIVEN}  cipher_suites:\n  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048\n`,
    wrong: /^6: .*unknown cipher/,
  },
  {
    name: 'invented curve',
    text: `${IF_GIVEN}  curve_preferences:\n    - CurveP257\n`,
    wrong: /^6: .*unknown curve/,
  },
  {
    name: 'invented TLS version',
    text: `${IF_GIVEN}  min_version: TLS111\n`,
    wrong: /^5: .*min_version: unknown TLS version/,
  },
  { name: 'TLS with certificates if given', text: IF_GIVEN },
  { name: 'TLS inline', text: 'INLINE', newer: true },
  {
    name: 'all ciphers',
    text: `${IF_GIVEN}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256]\n`,
  },
  {
    name: 'some ciphers',
    text: `${IF_GIVEN}  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n  - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n  min_version: TLS12\n  max_version: TLS12\n`,
  },
  {
    name: 'some ciphers in no order',
    text: `${IF_GIVEN}  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n  prefer_server_cipher_suites: false\n  min_version: TLS12\n  max_version: TLS12\n`,
  },
  {
    name: 'all curves',
    text: `${IF_GIVEN}  curve_preferences:\n    - CurveP256\n    - CurveP384\n    - CurveP521\n    - X25519\n`,
  },
  {
    name: 'some curves',
    text: `${IF_GIVEN}  min_version: TLS13\n  curve_preferences:\n  - CurveP521\n`,
  },
  {
    name: 'a cipher without HTTP/2',
    text: `${IF_GIVEN}  cipher_suites:\n    - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n  max_version: TLS12\nhttp_server_config:\n  http2: false\n`,
  },
  {
    name: 'HTTP/2 without its cipher',
    text: `${IF_GIVEN}  cipher_suites:\n    - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n  max_version: TLS12\n`,
    wrong: /^5: .*cipher_suites: HTTP\/2 needs/,
    onlyAtStart: true,
  },
  {
    name: 'headers',
    text: 'http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n    Content-Security-Policy: "default-src \'self\' *.test.example.net"\n',
  },
  {
    name: 'X-Content-Type-Options: sniff',
    text: 'http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n',
    wrong: /^3: http_server_config\.headers\.X-Content-Type-Options: /,
  },
  {
    name: 'a header that is not settable',
    text: 'http_server_config:\n  headers:\n    Content-Type: foo\n',
    wrong: /^3: http_server_config\.headers\.Content-Type: unknown key/,
  },
  {
    name: 'X-Frame-Options: foo',
    text: 'http_server_config:\n  headers:\n    X-Frame-Options: foo\n',
    wrong: /^3: /,
  },
  { name: 'any client certificate', text: `${TLS}  client_auth_type: RequireAnyClientCert\n` },
  { name: 'any client certificate, key inline', text: 'KEY INLINE', newer: true },
  {
    name: 'verified client certificate',
    text: `${TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.crt\n`,
  },
  {
    name: 'allowed SANs',
    text: `${TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.crt\n  client_allowed_sans:\n    - one\n    - test3\n`,
    newer: true,
  },
  {
    name: 'users',
    text: `${TLS}basic_auth_users:\n  alice: ${HASH}\n  bob: $2y$14$${'b'.repeat(53)}\n`,
  },
  {
    name: 'a hash that takes minutes',
    text: `${TLS}basic_auth_users:\n  alice: ${HASH}\n  bob: $2y$18$${'b'.repeat(53)}\n`,
    wrong: /^6: basic_auth_users\.bob: a bcrypt cost above 14/,
    onlyHere: true,
  },
  { name: 'users without TLS', text: `basic_auth_users:\n  alice: ${HASH}\n` },
  { name: 'no rate limit', text: 'rate_limit:\n  interval: 0\n  burst: 0\n', newer: true },
  { name: 'rate limit', text: 'rate_limit:\n  interval: "1s"\n  burst: 0\n', newer: true },
  {
    name: 'a key twice',
    text: `basic_auth_users:\n  alice: ${HASH}\n  alice: ${HASH}\n`,
    wrong: /^3: YAML: /,
  },
];

openssl.describe("exporter-toolkit's web configurations", () => {
  let folder: string;
  beforeAll(() => {
    folder = tempDir();
    selfSignedRsa(folder, 'server');
    selfSigned(folder, 'client');
  });

  const fileOf = ({ text }: Case): string => {
    const file = join(folder, 'web.yml');
    const pem = (name: string): string =>
      readFileSync(join(folder, name), 'utf8').replace(/^/gm, '    ').trimEnd();
    const key = `  key: |\n${pem('server.key')}\n`;
    const inline = `tls_server_config:\n  cert: |\n${pem('server.crt')}\n${key}`;
    const keyInline = `tls_server_config:\n  cert_file: server.crt\n${key}  client_auth_type: RequireAnyClientCert\n`;
    writeFileSync(file, text.replace(/^INLINE$/, inline).replace(/^KEY INLINE$/, keyInline));
    return file;
  };

  for (const config of CASES) {
    const { name, wrong, onlyAtStart, onlyHere, newer } = config;
    openssl.it(`${name} is ${wrong === undefined ? 'good' : 'bad, and says where'}`, () => {
      const file = fileOf(config);
      if (wrong === undefined) {
        expect(() => loadWebConfig(file)).not.toThrow();
        return;
      }
      let message = '';
      try {
        loadWebConfig(file);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message.startsWith(`${file}:`), message).toBe(true);
      expect(message.slice(file.length + 1)).toMatch(wrong);
    });
    if (onlyAtStart || onlyHere || newer) continue;
    promtool.it(`${name} gets the same verdict from promtool`, () => {
      const { status } = spawnSync(promtool.path, ['check', 'web-config', fileOf(config)]);
      expect(status === 0).toBe(wrong === undefined);
    });
  }
});

describe('a web configuration', () => {
  const load = (text: string): WebConfig => {
    const file = join(tempDir(), 'web.yml');
    writeFileSync(file, text);
    return loadWebConfig(file);
  };

  it('keeps the spelling of user names', () => {
    const names = ['0123', '1e3', '0x1F', 'yes', '1_000', '__proto__', 'constructor', '2026-11-28'];
    const { users } = load(
      `basic_auth_users:\n${names.map((name) => `  ${name}: ${HASH}\n`).join('')}`,
    );
    expect([...users]).toEqual(names.map((name) => [name, HASH]));
  });

  it('has no key that JavaScript gives a meaning', () => {
    expect(() => load('__proto__:\n  basic_auth_users: {}\n')).toThrow(
      ':1: __proto__: unknown key',
    );
  });

  it('reads booleans and numbers as Go does, and null as no value', () => {
    const { rateLimit } = load('rate_limit: { interval: 2000000000, burst: 3 }\n');
    expect(rateLimit).toEqual({ intervalMs: 2000, burst: 3 });
    expect(() => load('http_server_config: { http2: off }\nrate_limit: ~\n')).not.toThrow();
    expect(() => load('http_server_config: { http2: perhaps }\n')).toThrow('want true or false');
  });

  it('is bounded, whatever refers to what', () => {
    expect(() => load('a: &a { a: *a }\n')).toThrow('nested too deeply');
    expect(() => load(`a: &a {}\nb: [${Array(20).fill('*a').join()}]\n`)).toThrow(
      'too many aliases',
    );
    expect(() => load('#'.repeat(2 ** 20 + 1))).toThrow('larger than');
  });

  it('is a regular file: a FIFO does not hold the daemon', () => {
    const folder = tempDir();
    makeFifo(join(folder, 'web.yml'));
    expect(() => loadWebConfig(join(folder, 'web.yml'))).toThrow('not a regular file');
    writeFileSync(
      join(folder, 'tls.yml'),
      'tls_server_config: { cert_file: web.yml, key_file: k }\n',
    );
    expect(() => loadWebConfig(join(folder, 'tls.yml'))).toThrow('cert_file: not a regular file');
  });
});
