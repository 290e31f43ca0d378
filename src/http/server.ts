// The HTTP side, from the listening sockets to the answers:
//
//   listeners ──▶ connections (bounds) ──▶ TLS, if configured now ──▶ HTTP ──▶ routes
//
// The HTTP server never listens itself: it is handed connections, so that TLS can come, change and go
// while it runs, and any number of sockets share one set of bounds.

import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WatchedWebConfig } from '../webconfig/watch.ts';
import type { WebConfig } from '../webconfig/web-config.ts';
import { CONNECTION_LIMITS, type ConnectionLimits, Connections } from './connections.ts';
import { type ListenOn, listen } from './listeners.ts';
import { type HttpDependencies, type HttpOptions, httpApp } from './routes.ts';
import { tlsFront } from './tls-front.ts';

const MAX_HEADER_BYTES = 16 * 1024;
/** How long answers on their way may take when the exporter stops. */
const DRAIN_MS = 5000;

export interface HttpServer {
  /** The ports it listens on. */
  readonly ports: readonly number[];
  /** Takes no more connections, ends the answers on their way. */
  close(): Promise<void>;
}

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
  const http = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false });
  http.keepAliveTimeout = 0; // Connections has deadlines for everything
  http.on('request', (request, response) => {
    connections.begin(request, response);
    app(request, response);
  });
  const serve = (stream: Duplex): void => {
    http.emit('connection', stream);
  };
  let accept = entrance(webConfig.current(), connections, serve);
  webConfig.onChange((config) => {
    accept = entrance(config, connections, serve);
  });
  const listeners = await listen(options.listen, (socket) => {
    if (connections.add(socket)) accept(socket);
  });
  return {
    ports: listeners.ports,
    async close(): Promise<void> {
      listeners.close();
      await connections.drain(DRAIN_MS);
    },
  };
}

/** What happens to a new connection under a configuration. */
function entrance(
  { tls }: WebConfig,
  connections: Connections,
  serve: (stream: Duplex) => void,
): (socket: Socket) => void {
  if (tls === undefined) return serve;
  const front = tlsFront(tls, (socket, stream) => {
    connections.wrap(socket, stream);
    serve(stream);
  });
  return (socket) => {
    front.accept(socket);
  };
}
