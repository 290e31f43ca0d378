// The HTTP side, from the listening sockets to the answers:
//
//   listeners ──▶ connections (bounds) ──▶ TLS, if configured ──▶ HTTP ──▶ turns ──▶ routes
//
// The HTTP server never listens itself: it is handed connections once they have said what can be served,
// so that others cost no more than their socket, and any number of sockets share one set of bounds.

import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { WatchedWebConfig } from '../webconfig/watch.ts';
import type { TlsConfig } from '../webconfig/web-config.ts';
import { CONNECTION_LIMITS, type ConnectionLimits, Connections } from './connections.ts';
import { RequestHead, isWholeRecord } from './first-words.ts';
import { type ListenOn, listen } from './listeners.ts';
import { type HttpDependencies, type HttpOptions, httpApp } from './routes.ts';
import { PacedStream } from './paced-stream.ts';
import { type TlsTerminator, tlsTerminator } from './tls.ts';

/** How long answers under way may take when the exporter stops. */
const DRAIN_MS = 5000;

/** The longest head of a request. */
const MAX_HEAD_BYTES = 16 * 1024;

/** The server while it listens, on one address or several. */
export interface HttpServer {
  /** The ports it listens on. */
  readonly ports: readonly number[];
  /** Takes no more connections, finishes the answers under way. */
  close(): Promise<void>;
}

/** What is served, where, by which web configuration, and within which limits. */
export interface ServerOptions extends HttpOptions {
  readonly listen: readonly ListenOn[];
  readonly webConfig: WatchedWebConfig;
  readonly limits?: ConnectionLimits;
}

/** Listens until closed. @throws the error of listen(2), such as EADDRINUSE. */
export async function startHttpServer(
  options: ServerOptions,
  dependencies: Omit<HttpDependencies, 'webConfig'>,
): Promise<HttpServer> {
  const { webConfig } = options;
  const connections = new Connections(options.limits ?? CONNECTION_LIMITS);
  const app = httpApp(options, { ...dependencies, webConfig: webConfig.current });
  const http = createServer({ maxHeaderSize: MAX_HEAD_BYTES, requireHostHeader: false });
  http.keepAliveTimeout = 0; // Connections has deadlines for everything
  http.on('request', (request, response) => {
    connections.request(request, response, () => {
      app(request, response);
    });
  });
  const serve = (socket: Socket, over: Socket): void => {
    const stream = new PacedStream(over);
    connections.serve(socket, stream);
    http.emit('connection', stream);
  };
  const terminator = (config: TlsConfig | undefined): TlsTerminator | undefined =>
    config && tlsTerminator(config, serve);
  let tls = terminator(webConfig.current().tls);
  webConfig.onChange((config) => {
    tls = terminator(config.tls);
  });
  const listeners = await listen(options.listen, (socket) => {
    connections.add(socket);
    const head = new RequestHead();
    let said = Buffer.alloc(0);
    const listenTo = (bytes: Buffer): void => {
      said = Buffer.concat([said, bytes]);
      if (!(tls === undefined ? head.isWhole(said) : isWholeRecord(said))) return;
      socket.off('data', listenTo);
      connections.admit(socket);
      socket.setNoDelay();
      socket.pause();
      socket.unshift(said);
      if (tls === undefined) serve(socket, socket);
      else tls(socket, said[0] ?? 0);
    };
    socket.on('data', listenTo);
  });
  return {
    ports: listeners.ports,
    async close(): Promise<void> {
      listeners.close();
      await connections.drain(DRAIN_MS);
    },
  };
}
