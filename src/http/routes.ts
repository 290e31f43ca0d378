// What is answered where. GET and HEAD only; nothing here reads a file, so that a scrape answers
// whatever the disks are doing.

import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import type { WebConfig } from '../webconfig/web-config.ts';
import { accessControl } from './access.ts';
import { send, sendText } from './response.ts';
import { crashBody, crashesBody } from './api.ts';
import { exposition, type Format } from './negotiation.ts';
import type { PacedStream } from './paced-stream.ts';
import { type PageOptions, statusPage } from './page.ts';
import { selection } from './selection.ts';
import { CONTENT_SECURITY_POLICY, ICON } from './style.ts';
import type { Selection, Views } from './views.ts';

export type HttpOptions = PageOptions;

/** The exposition of one scrape. */
interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

export interface HttpDependencies {
  /** Of the exporter, with the crashes in node mode. */
  readonly metrics: (format: Format) => Promise<Exposition>;
  /** Of the crashes of one host; undefined when no such host crashed. */
  readonly hostMetrics: (host: string, format: Format) => Exposition | undefined;
  readonly views: Views;
  readonly webConfig: () => WebConfig;
  readonly log: Logger;
  readonly nowMs: () => number;
}

export function httpApp(options: HttpOptions, dependencies: HttpDependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { ...CONTENT_SECURITY_POLICY } },
      strictTransportSecurity: false, // for the web configuration to say, it binds the whole host
      xFrameOptions: { action: 'deny' },
    }),
  );
  const { webConfig, nowMs } = dependencies;
  app.use(onlyReads, accessControl(webConfig, askerOf, nowMs));
  metricsRoutes(app, options, dependencies);
  if (options.mode === 'central') centralRoutes(app, dependencies);
  healthRoutes(app, dependencies);
  crashRoutes(app, options, dependencies);
  app.use((_request: Request, response: Response) => {
    sendText(response, 404, 'Not Found');
  });
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (isBadRequest(error)) {
      sendText(response, 400, 'Bad Request');
      return;
    }
    dependencies.log.error('request failed', { path: request.path, error: messageOf(error) });
    if (response.headersSent) next(error);
    else sendText(response, 500, 'Internal Server Error');
  });
  return app;
}

/** The HTTP server is handed paced streams alone. */
function askerOf({ socket }: Request): PacedStream {
  return socket as unknown as PacedStream;
}

/** GET and HEAD only; nothing is to be kept by caches. */
function onlyReads(request: Request, response: Response, next: NextFunction): void {
  response.set('Cache-Control', 'no-store');
  if (request.method === 'GET' || request.method === 'HEAD') next();
  else sendText(response.set('Allow', 'GET, HEAD'), 405, 'Method Not Allowed');
}

function metricsRoutes(
  app: Express,
  { telemetryPath }: HttpOptions,
  { metrics }: HttpDependencies,
): void {
  app.get(telemetryPath, async (request, response) => {
    sendExposition(request, response, await metrics(exposition(request.get('Accept'))));
  });
}

function centralRoutes(app: Express, { hostMetrics, views }: HttpDependencies): void {
  app.get('/probe', (request, response) => {
    const host = queryOf(request).get('target') ?? '';
    if (host === '') {
      sendText(response, 400, 'Say which host crashed: /probe?target=HOST');
      return;
    }
    const answer = hostMetrics(host, exposition(request.get('Accept')));
    if (answer === undefined) sendText(response, 404, 'No crash of this host is recorded');
    else sendExposition(request, response, answer);
  });
  app.get('/sd', (request, response) => {
    const address = request.get('Host') ?? '';
    if (!/^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/.test(address)) {
      sendText(response, 400, 'Host header: not an address');
      return;
    }
    sendJson(request, response, serviceDiscovery(views.hosts(), address));
  });
}

/**
 * Prometheus' HTTP service discovery: one target a host, at the address this was asked at. A host's
 * name is a label, never an address: it comes from a dump and may be anything.
 */
function serviceDiscovery(hosts: readonly string[], address: string): object {
  return hosts.map((host) => ({
    targets: [address],
    labels: { instance: host, __metrics_path__: '/probe', __param_target: host },
  }));
}

function healthRoutes(app: Express, { views }: HttpDependencies): void {
  app.get('/-/healthy', (_request, response) => {
    sendText(response, 200, 'Healthy');
  });
  app.get('/-/ready', (_request, response) => {
    const problem = views.ledgerProblem();
    if (!views.isScanned()) sendText(response, 503, 'Waiting for the first scan');
    else if (problem !== undefined) sendText(response, 503, `Ledger: ${problem}`);
    else sendText(response, 200, 'Ready');
  });
}

function crashRoutes(app: Express, options: HttpOptions, dependencies: HttpDependencies): void {
  const { views, nowMs } = dependencies;
  const withSelection =
    (answer: (request: Request, response: Response, asked: Selection) => void) =>
    (request: Request, response: Response): void => {
      const asked = selection(queryOf(request));
      if (typeof asked === 'string') sendText(response, 400, asked);
      else answer(request, response, asked);
    };
  app.get(
    '/',
    withSelection((request, response, asked) => {
      const page = statusPage(views, asked, { ...options, nowSeconds: nowMs() / 1000 });
      send(request, response, 'text/html; charset=utf-8', page);
    }),
  );
  app.get('/icon.svg', (request, response) => {
    send(request, response, 'image/svg+xml', ICON);
  });
  app.get(
    '/api/v1/crashes',
    withSelection((request, response, asked) => {
      sendJson(request, response, crashesBody(views, asked));
    }),
  );
  app.get('/api/v1/crashes/:id', (request, response) => {
    const crash = views.crash(request.params.id);
    if (crash === undefined) sendJson(request, response.status(404), { error: 'no such crash' });
    else sendJson(request, response, crashBody(crash));
  });
}

function sendExposition(
  request: Request,
  response: Response,
  { contentType, body }: Exposition,
): void {
  send(request, response.vary('Accept'), contentType, body);
}

function sendJson(request: Request, response: Response, value: object): void {
  send(request, response, 'application/json; charset=utf-8', `${JSON.stringify(value)}\n`);
}

function queryOf(request: Request): URLSearchParams {
  const start = request.url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : request.url.slice(start + 1));
}

/** A path that cannot be decoded, such as /%zz. */
function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400;
}
