// TLS over an accepted connection, with Go's five client-certificate policies, of which Node has two. A
// client that speaks plain HTTP gets the answer of Go's net/http.

import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Server, type TLSSocket, type TlsOptions, createServer } from 'node:tls';
import type { TlsConfig } from '../webconfig/web-config.ts';
import { HANDSHAKE } from './first-words.ts';

const PLAIN_HTTP =
  'HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n' +
  'Client sent an HTTP request to an HTTPS server.\n';

/** Starts TLS on a connection whose first bytes were read and put back. */
export type TlsTerminator = (socket: Socket, firstByte: number) => void;

/** @param onSecure called with a connection, and the TLS stream over it, once the client is accepted. */
export function tlsTerminator(
  config: TlsConfig,
  onSecure: (socket: Socket, stream: TLSSocket) => void,
): TlsTerminator {
  const options: TlsOptions = {
    ...config.context,
    ALPNProtocols: ['http/1.1'],
    requestCert: config.clientAuth !== 'none',
    rejectUnauthorized: config.clientAuth === 'verify',
  };
  // Node does not say which connection a TLS stream belongs to; the addresses of both ends identify it.
  const handshakes = new Map<string, Socket>();
  const server: Server = createServer(options, (stream) => {
    stream.on('error', () => stream.destroy());
    const socket = handshakes.get(endsOf(stream));
    if (socket !== undefined && isAllowed(config, stream)) onSecure(socket, stream);
    else stream.destroy();
  });
  server.on('tlsClientError', (_error, stream) => stream.destroy());
  return (socket, firstByte) => {
    if (firstByte !== HANDSHAKE) {
      socket.end(PLAIN_HTTP);
      return;
    }
    const ends = endsOf(socket);
    handshakes.set(ends, socket);
    socket.once('close', () => {
      if (handshakes.get(ends) === socket) handshakes.delete(ends);
    });
    server.emit('connection', socket);
  };
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}

function isAllowed({ clientAuth, allowedSans }: TlsConfig, stream: TLSSocket): boolean {
  if (clientAuth === 'none') return true;
  const { raw } = stream.getPeerCertificate() as { raw?: Buffer };
  if (raw === undefined) return clientAuth === 'request' || clientAuth === 'verify_if_given';
  if (clientAuth === 'verify_if_given' && !stream.authorized) return false;
  return allowedSans === undefined || allowedSans.some((name) => sansOf(raw).includes(name));
}

/** Returns DNS names, e-mail and IP addresses and URIs without their types: `DNS:a, IP Address:::1`. */
function sansOf(der: Buffer): string[] {
  const { subjectAltName } = new X509Certificate(der);
  return (subjectAltName ?? '').split(', ').map((entry) => entry.slice(entry.indexOf(':') + 1));
}
