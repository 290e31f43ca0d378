// The HTTP side, from the listening sockets to the answers:
//
//   listeners ──▶ connections (limits) ──▶ TLS, if configured ──▶ HTTP ──▶ turns ──▶ routes
//
// The HTTP server does not listen itself. It gets connections after enough was received to serve them, so
// that others cost only their socket, and all listening sockets share one set of limits.

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

/** Maximum time to finish answers when the exporter stops. */
const DRAIN_MS = 5000;

/** Maximum size of a request's head. */
const MAX_HEAD_BYTES = 16 * 1024;

/** A running server, on one or more addresses. */
export interface HttpServer {
  /** The ports it listens on. */
  readonly ports: readonly number[];
  /** Stops accepting connections and finishes current answers. */
  close(): Promise<void>;
}

/** Content, listen addresses, web configuration and limits of the server. */
export interface ServerOptions extends HttpOptions {
  readonly listen: readonly ListenOn[];
  readonly webConfig: WatchedWebConfig;
  readonly limits?: ConnectionLimits;
}

/** Starts listening. @throws the error of listen(2), such as EADDRINUSE. */
export async function startHttpServer(
  options: ServerOptions,
  dependencies: Omit<HttpDependencies, 'webConfig'>,
): Promise<HttpServer> {
  const { webConfig } = options;
  const connections = new Connections(options.limits ?? CONNECTION_LIMITS);
  const app = httpApp(options, { ...dependencies, webConfig: webConfig.current });
  const http = createServer({ maxHeaderSize: MAX_HEAD_BYTES, requireHostHeader: false });
  http.keepAliveTimeout = 0; // Connections enforces all deadlines
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
    let received = Buffer.alloc(0);
    const onData = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes]);
      if (!(tls === undefined ? head.isWhole(received) : isWholeRecord(received))) return;
      socket.off('data', onData);
      connections.admit(socket);
      socket.setNoDelay();
      socket.pause();
      socket.unshift(received);
      if (tls === undefined) serve(socket, socket);
      else tls(socket, received[0] ?? 0);
    };
    socket.on('data', onData);
  });
  return {
    ports: listeners.ports,
    async close(): Promise<void> {
      listeners.close();
      await connections.drain(DRAIN_MS);
    },
  };
}
