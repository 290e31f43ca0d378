// The schema of --web.config.file, as documented by Prometheus' exporter-toolkit (its
// docs/web-configuration.md). Names are Go's, because other exporters read the same file. Unknown keys are
// errors.

import { z } from 'zod';

/** OpenSSL names of Go's cipher suites. Those of TLS 1.3 are always enabled, as in Go. */
export const CIPHERS: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};

export const CURVES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
};

/** Oldest version first. */
export const TLS_VERSIONS = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;

export const CLIENT_AUTH = [
  '',
  'NoClientCert',
  'RequestClientCert',
  'RequireClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

/** Any YAML scalar, as spelt: `X-XSS-Protection: 1`. */
const text = z.string('not a text');
/** Booleans of Go's YAML. */
const TRUE = /^(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const bool = text
  .refine((value) => TRUE.test(value) || FALSE.test(value), 'want true or false')
  .transform((value) => TRUE.test(value));
const int = text.regex(/^[+-]?\d{1,9}$/, 'not a number').transform(Number);
/** A key without a value counts as missing. */
const optional = <T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> =>
  schema.nullable().optional();

const tls = z.strictObject({
  cert: optional(text),
  key: optional(text),
  client_ca: optional(text),
  cert_file: optional(text),
  key_file: optional(text),
  client_auth_type: optional(text),
  client_ca_file: optional(text),
  client_allowed_sans: optional(z.array(text)),
  min_version: optional(z.enum(TLS_VERSIONS, 'unknown TLS version')),
  max_version: optional(z.enum(TLS_VERSIONS, 'unknown TLS version')),
  cipher_suites: optional(z.array(z.enum(Object.keys(CIPHERS), 'unknown cipher'))),
  curve_preferences: optional(z.array(z.enum(Object.keys(CURVES), 'unknown curve'))),
  prefer_server_cipher_suites: optional(bool),
});

const headerValue = text.refine((value) => !/[^\t\x20-\x7e]/.test(value), 'not a header value');

const http = z.strictObject({
  http2: optional(bool),
  headers: optional(
    z.strictObject({
      'Strict-Transport-Security': optional(headerValue),
      'X-Content-Type-Options': optional(z.literal('nosniff')),
      'X-Frame-Options': optional(z.enum(['deny', 'sameorigin'])),
      'X-XSS-Protection': optional(headerValue),
      'Content-Security-Policy': optional(headerValue),
    }),
  ),
});

/** A bcrypt hash with a cost from 4 to 31. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;
/** The maximum cost is 14: 2^14 rounds take one or two seconds. */
const ALLOWED_COST = /^\$2.\$(0\d|1[0-4])\$/;

const rateLimit = z.strictObject({
  interval: optional(text),
  burst: optional(int),
});

/** The schema of the file. */
export const FILE = z.strictObject({
  tls_server_config: optional(tls),
  http_server_config: optional(http),
  basic_auth_users: optional(
    z.map(
      z.string(),
      z
        .string('not a bcrypt hash')
        .regex(BCRYPT, 'not a bcrypt hash')
        .regex(ALLOWED_COST, 'a bcrypt cost above 14: whoever guesses would keep others waiting'),
    ),
  ),
  rate_limit: optional(rateLimit),
});

export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** The file's tls_server_config; `key:` without a value is null. */
export type TlsFileSection = z.infer<typeof tls>;
export type WebConfigFile = z.infer<typeof FILE>;
