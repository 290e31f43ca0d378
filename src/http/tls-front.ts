// TLS in front of the HTTP server: handshakes by the web configuration of the moment. Go's five
// client certificate policies, of which Node knows two.

import { AsyncLocalStorage } from 'node:async_hooks';
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Server, type TLSSocket, type TlsOptions, createServer } from 'node:tls';
import type { TlsConfig } from '../webconfig/web-config.ts';

export interface TlsFront {
  /** Shake hands on a new connection. */
  accept(socket: Socket): void;
}

/** @param onSecure takes a connection, and the stream over it whose client may come in. */
export function tlsFront(
  config: TlsConfig,
  onSecure: (socket: Socket, stream: TLSSocket) => void,
): TlsFront {
  // Node does not say which connection a stream is over; what began the handshake remembers it.
  const handshakes = new AsyncLocalStorage<Socket>();
  const options: TlsOptions = {
    ...config.context,
    ALPNProtocols: ['http/1.1'],
    requestCert: config.clientAuth !== 'none',
    rejectUnauthorized: config.clientAuth === 'verify',
  };
  const server: Server = createServer(options, (stream) => {
    stream.on('error', () => stream.destroy());
    const socket = handshakes.getStore();
    if (socket !== undefined && mayEnter(config, stream)) onSecure(socket, stream);
    else stream.destroy();
  });
  server.on('tlsClientError', (_error, stream) => stream.destroy());
  return {
    accept(socket): void {
      handshakes.run(socket, () => server.emit('connection', socket));
    },
  };
}

function mayEnter({ clientAuth, allowedSans }: TlsConfig, stream: TLSSocket): boolean {
  if (clientAuth === 'none') return true;
  const { raw } = stream.getPeerCertificate() as { raw?: Buffer };
  if (raw === undefined) return clientAuth === 'request' || clientAuth === 'verify_if_given';
  if (clientAuth === 'verify_if_given' && !stream.authorized) return false;
  return allowedSans === undefined || allowedSans.some((name) => sansOf(raw).includes(name));
}

/** DNS names, e-mail and IP addresses, URIs, without their kind: `DNS:a, IP Address:::1`. */
function sansOf(der: Buffer): string[] {
  const { subjectAltName } = new X509Certificate(der);
  return (subjectAltName ?? '').split(', ').map((entry) => entry.slice(entry.indexOf(':') + 1));
}
