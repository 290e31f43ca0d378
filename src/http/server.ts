// The HTTP side: metrics for Prometheus, health for supervisors. It is given functions, and reads no
// file: a scrape answers whatever the disks are doing.

import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { landingPage } from './landing.ts';

/** A client that sends its request slower than this is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How long answers under way may take when the server closes. */
const CLOSE_GRACE_MS = 1000;

export interface HttpOptions {
  /** `host` undefined: every address. */
  readonly listen: { readonly host: string | undefined; readonly port: number };
  readonly telemetryPath: string;
  readonly version: string;
}

export interface HttpDependencies {
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  readonly isReady: () => boolean;
  readonly log: Logger;
}

export interface HttpServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** Listens until closed. @throws the error of listen(2), such as EADDRINUSE. */
export async function startHttpServer(
  options: HttpOptions,
  dependencies: HttpDependencies,
): Promise<HttpServer> {
  const server = createServer(httpApp(options, dependencies));
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  const { host, port } = options.listen;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(host === undefined ? { port } : { port, host }, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function httpApp(options: HttpOptions, { metrics, isReady, log }: HttpDependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(helmet());
  app.use((request: Request, response: Response, next: NextFunction) => {
    response.set('Cache-Control', 'no-store');
    if (request.method === 'GET' || request.method === 'HEAD') {
      next();
      return;
    }
    response.set('Allow', 'GET, HEAD').status(405).type('text').send('Method Not Allowed\n');
  });
  app.get(options.telemetryPath, async (_request, response) => {
    const body = await metrics.render();
    response.set('Content-Type', metrics.contentType).send(body);
  });
  app.get('/-/healthy', (_request, response) => {
    response.type('text').send('Healthy\n');
  });
  app.get('/-/ready', (_request, response) => {
    if (isReady()) response.type('text').send('Ready\n');
    else response.status(503).type('text').send('Waiting for the first scan\n');
  });
  app.get('/', (_request, response) => {
    response.type('html').send(landingPage(options.version, options.telemetryPath));
  });
  app.use((_request: Request, response: Response) => {
    response.status(404).type('text').send('Not Found\n');
  });
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    log.error('request failed', { path: request.path, error: messageOf(error) });
    if (response.headersSent) next(error);
    else response.status(500).type('text').send('Internal Server Error\n');
  });
  return app;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // A connection that never sends its request does not count as idle: it would keep us here.
    const grace = setTimeout(() => {
      server.closeAllConnections();
    }, CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(grace);
      resolve();
    });
    server.closeIdleConnections();
  });
}
