// A usable web configuration: files read, certificates checked, times in milliseconds. Files are accepted and
// rejected as by exporter-toolkit (its web/tls_config.go, Validate and Serve). HTTP/2 is accepted but not
// supported: scrapers fall back to HTTP/1.1.

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { type SecureContextOptions, createSecureContext } from 'node:tls';
import { messageOf } from '../failure.ts';
import { goDurationMs } from './duration.ts';
import { type ParsedWebConfig, WebConfigError, parseWebConfig } from './parse.ts';
import { readConfigFile } from './read-file.ts';
import {
  CIPHERS,
  CLIENT_AUTH,
  CURVES,
  TLS_VERSIONS,
  type TlsFileSection,
  type TlsVersion,
} from './schema.ts';

/** Policy on client certificates. */
type ClientAuth = 'none' | 'request' | 'require_any' | 'verify_if_given' | 'verify';

/** TLS settings, with certificates read and checked. */
export interface TlsConfig {
  readonly context: SecureContextOptions;
  readonly clientAuth: ClientAuth;
  /** A client certificate must have one of these names; undefined: any name. */
  readonly allowedSans: readonly string[] | undefined;
}

/** A burst of requests, then one every `intervalMs`; a burst of 0 allows none, as in Go. */
export interface RateLimit {
  /** Time after which one more request is allowed. */
  readonly intervalMs: number;
  readonly burst: number;
}

/** The configuration of one version of the file; immutable. */
export interface WebConfig {
  /** undefined: plain HTTP. */
  readonly tls: TlsConfig | undefined;
  /** Headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** bcrypt hashes by user; empty: no authentication. */
  readonly users: ReadonlyMap<string, string>;
  readonly rateLimit: RateLimit | undefined;
  /** All files that it was read from. */
  readonly files: readonly string[];
}

/** @throws WebConfigError naming file, line and key. */
export function loadWebConfig(path: string): WebConfig {
  let text: string;
  try {
    text = readConfigFile(path);
  } catch (error) {
    throw new WebConfigError(`${path}: ${messageOf(error)}`);
  }
  const parsed = parseWebConfig(path, text);
  const { http_server_config: http, basic_auth_users: users } = parsed.file;
  const tls = new TlsSection(parsed, dirname(path));
  return {
    tls: tls.read(),
    headers: headersOf(http?.headers ?? {}),
    users: users ?? new Map<string, string>(),
    rateLimit: rateLimitOf(parsed),
    files: [path, ...tls.files],
  };
}

function headersOf(
  headers: Readonly<Record<string, string | null | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === null || value === undefined || value === '' ? [] : [[name, value]],
    ),
  );
}

function rateLimitOf({ file, errorAt }: ParsedWebConfig): RateLimit | undefined {
  const { interval, burst } = file.rate_limit ?? {};
  const intervalMs = goDurationMs(interval ?? '0');
  if (intervalMs === undefined) {
    throw errorAt(['rate_limit', 'interval'], 'not a duration such as 1s or 250ms');
  }
  return intervalMs > 0 ? { intervalMs, burst: burst ?? 0 } : undefined;
}

const SECTION = 'tls_server_config';

/** Reads tls_server_config, and records the files read for it. */
class TlsSection {
  readonly files: string[] = [];
  readonly #parsed: ParsedWebConfig;
  readonly #section: TlsFileSection;
  readonly #directory: string;

  constructor(parsed: ParsedWebConfig, directory: string) {
    this.#parsed = parsed;
    this.#section = parsed.file.tls_server_config ?? {};
    this.#directory = directory;
  }

  read(): TlsConfig | undefined {
    const { cert, cert_file, key, key_file, client_ca, client_ca_file, client_auth_type } =
      this.#section;
    const given = [cert, cert_file, key, key_file, client_ca, client_ca_file, client_auth_type];
    if (!given.some(Boolean)) return undefined;
    if (!cert && !cert_file) throw this.#error('cert_file', 'missing one of cert or cert_file');
    if (!key && !key_file) throw this.#error('key_file', 'missing one of key or key_file');
    const clientAuth = this.#clientAuth();
    const context = {
      cert: this.#pem('cert'),
      key: this.#pem('key'),
      ...(client_ca || client_ca_file ? { ca: this.#clientCas(clientAuth) } : {}),
      ...this.#versions(),
      ...this.#ciphers(),
    };
    this.#check(context);
    return { context, clientAuth, allowedSans: this.#section.client_allowed_sans ?? undefined };
  }

  #pem(name: 'cert' | 'key' | 'client_ca'): string {
    const path = this.#section[`${name}_file`];
    if (!path) return this.#section[name] ?? '';
    const file = resolve(this.#directory, path);
    this.files.push(file);
    try {
      return readConfigFile(file);
    } catch (error) {
      throw this.#error(`${name}_file`, messageOf(error));
    }
  }

  #clientAuth(): ClientAuth {
    const type = CLIENT_AUTH.find((name) => name === (this.#section.client_auth_type ?? ''));
    switch (type) {
      case '':
      case 'NoClientCert':
        return 'none';
      case 'RequestClientCert':
        return 'request';
      case 'RequireClientCert':
      case 'RequireAnyClientCert':
        return 'require_any';
      case 'VerifyClientCertIfGiven':
        return 'verify_if_given';
      case 'RequireAndVerifyClientCert':
        return 'verify';
      case undefined:
        throw this.#error('client_auth_type', 'unknown client authentication policy');
    }
  }

  #clientCas(clientAuth: ClientAuth): string {
    const name = this.#section.client_ca_file ? 'client_ca_file' : 'client_ca';
    if (clientAuth === 'none') throw this.#error(name, 'a client CA without a client_auth_type');
    const pem = this.#pem('client_ca');
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw this.#error(name, 'no certificate');
    return pem;
  }

  #versions(): Pick<SecureContextOptions, 'minVersion' | 'maxVersion'> {
    const min = this.#section.min_version ?? 'TLS12';
    const max = this.#section.max_version ?? 'TLS13';
    if (TLS_VERSIONS.indexOf(min) > TLS_VERSIONS.indexOf(max)) {
      throw this.#error('min_version', 'newer than max_version');
    }
    return { minVersion: NODE_VERSIONS[min], maxVersion: NODE_VERSIONS[max] };
  }

  #ciphers(): Pick<SecureContextOptions, 'ciphers' | 'ecdhCurve' | 'honorCipherOrder'> {
    const { cipher_suites, curve_preferences, min_version } = this.#section;
    const honorCipherOrder = this.#section.prefer_server_cipher_suites ?? true;
    const ecdhCurve = curve_preferences?.map((name) => CURVES[name]).join(':') ?? 'auto';
    if (!cipher_suites?.length) return { honorCipherOrder, ecdhCurve };
    const http2 = this.#parsed.file.http_server_config?.http2 ?? true;
    if (http2 && min_version !== 'TLS13' && !cipher_suites.some((name) => HTTP2.includes(name))) {
      throw this.#error('cipher_suites', `HTTP/2 needs ${HTTP2.join(' or ')}; or set http2: false`);
    }
    const names = new Set([...cipher_suites.map((name) => CIPHERS[name]), ...TLS13]);
    return { honorCipherOrder, ecdhCurve, ciphers: [...names].join(':') };
  }

  /** Checks that certificate and key can be read and belong together. */
  #check(context: SecureContextOptions): void {
    const attempt = (name: string, call: () => unknown): void => {
      try {
        call();
      } catch (error) {
        throw this.#error(
          this.#section[`${name}_file` as 'key_file'] ? `${name}_file` : name,
          messageOf(error),
        );
      }
    };
    attempt('cert', () => new X509Certificate(context.cert as string));
    attempt('key', () => createPrivateKey(context.key as string));
    attempt('key', () => createSecureContext(context));
  }

  #error(key: string, what: string): WebConfigError {
    return this.#parsed.errorAt([SECTION, key], what);
  }
}

const NODE_VERSIONS = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
} as const satisfies Record<TlsVersion, string>;

const TLS13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** RFC 9113 section 9.2.2 requires one of these, and Go does not start without. */
const HTTP2: readonly string[] = [
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
];
