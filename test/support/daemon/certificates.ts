/** Keys and certificates for TLS tests, made by openssl when the test runs: none is ever committed. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { type Tool, needsTool } from '../system/tools.ts';

export const openssl: Tool = needsTool('openssl');

/** Writes NAME.crt and NAME.key, self-signed, into a folder. */
export function selfSigned(
  folder: string,
  name: string,
  sans = 'DNS:localhost,IP:127.0.0.1',
): void {
  execFileSync(
    openssl.path,
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=${sans}`],
      ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)],
    ],
    { stdio: 'ignore' },
  );
}

/** An RSA one: some cipher suites want that. */
export function selfSignedRsa(folder: string, name: string): void {
  execFileSync(
    openssl.path,
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)],
    ],
    { stdio: 'ignore' },
  );
}
