// What is answered where. GET and HEAD only; nothing here reads a dump or a directory, so that a scrape
// answers whatever their disks are doing.

import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import helmet from 'helmet';
import { Unavailable, messageOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { jsonText } from '../text.ts';
import type { WebConfig } from '../webconfig/web-config.ts';
import { accessControl } from './access.ts';
import { send, sendLines, sendText } from './response.ts';
import { crashBody, crashesBody, signaturesBody } from './api.ts';
import { crashPage } from './crash-page.ts';
import { crashesPage, signaturesPage } from './fleet-page.ts';
import { isOwnHost } from './host-check.ts';
import { exposition, type Format } from './negotiation.ts';
import type { PacedStream } from './paced-stream.ts';
import { type PageOptions, statusPage } from './page.ts';
import { type Asked, askedBy } from './selection.ts';
import { isName } from '../selection.ts';
import { CONTENT_SECURITY_POLICY, ICON } from './style.ts';
import type { StatusSource } from './views.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** What of the configuration decides what is served where. */
export interface HttpOptions extends PageOptions {
  /** Where the exporter is reached from outside; undefined: where it was asked. */
  readonly externalUrl: URL | undefined;
  /** In front of every path, as `/prefix`; empty: nothing. */
  readonly routePrefix: string;
  /** Names of this host. */
  readonly ownNames: readonly string[];
}

/** The exposition of one scrape. */
interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** What the routes need of the daemon. */
export interface HttpDependencies {
  /** Of the exporter, with the crashes in node mode. */
  readonly metrics: (format: Format) => Promise<Exposition>;
  /** Of the crashes of one host; undefined when no such host crashed. */
  readonly hostMetrics: (host: string, format: Format) => Promise<Exposition | undefined>;
  readonly status: StatusSource;
  readonly webConfig: () => WebConfig;
  readonly log: Logger;
  readonly nowMs: () => number;
}

/** The HTTP side as an Express application. */
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
  const routes = express.Router();
  metricsRoutes(routes, options, dependencies);
  if (options.mode === 'central') centralRoutes(routes, options, dependencies);
  healthRoutes(routes, dependencies);
  crashRoutes(routes, options, dependencies);
  const { routePrefix } = options;
  if (routePrefix !== '') redirectTo(routePrefix, app, options);
  app.use(`${routePrefix}/`, routes);
  app.use((_request: Request, response: Response) => {
    sendText(response, 404, 'Not Found');
  });
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (isBadRequest(error)) {
      sendText(response, 400, 'Bad Request');
      return;
    }
    if (error instanceof Unavailable && !response.headersSent) {
      sendText(response, 503, `The ledger cannot be read now: ${error.message}`);
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
  routes: Router,
  { telemetryPath }: HttpOptions,
  { metrics }: HttpDependencies,
): void {
  routes.get(telemetryPath, async (request, response) => {
    sendExposition(request, response, await metrics(exposition(request.get('Accept'))));
  });
}

function centralRoutes(
  routes: Router,
  { externalUrl, routePrefix }: HttpOptions,
  { hostMetrics, status, webConfig }: HttpDependencies,
): void {
  routes.get('/probe', async (request, response) => {
    const host = queryOf(request).get('target') ?? '';
    if (host === '') {
      sendText(response, 400, 'Say which host crashed: /probe?target=HOST');
      return;
    }
    const format = exposition(request.get('Accept'));
    const answer = isName(host) ? await hostMetrics(host, format) : undefined;
    if (answer === undefined) sendText(response, 404, 'No crash of this host is recorded');
    else sendExposition(request, response, answer);
  });
  routes.get('/sd', async (request, response) => {
    const scheme = webConfig().tls === undefined ? 'http' : 'https';
    const asked = { address: request.get('Host') ?? '', scheme, path: routePrefix };
    if (externalUrl === undefined && !ADDRESS.test(asked.address)) {
      sendText(response, 400, 'Host header: not an address');
      return;
    }
    const target = externalUrl === undefined ? asked : targetAt(externalUrl);
    await sendLines(request, response, JSON_TYPE, discovery(await status.hosts(), target));
  });
}

interface Target {
  readonly address: string;
  readonly scheme: string;
  readonly path: string;
}

/** HOST, IPV4 or [IPV6], with a port or without. */
const ADDRESS = /^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/;

/** Where the exporter is reached from outside. */
function targetAt({ protocol, hostname, port, pathname }: URL): Target {
  const defaultPort = protocol === 'https:' ? '443' : '80';
  return {
    address: `${hostname}:${port || defaultPort}`,
    scheme: protocol.slice(0, -1),
    path: pathname.replace(/\/+$/, ''),
  };
}

/**
 * Prometheus' HTTP service discovery: one target a host, at the address of this exporter. A host's name
 * is a label, never an address: it comes from a dump and may be anything. Of a hundred thousand hosts it
 * is more than may wait for a client unread, so it is made as it is read.
 */
function* discovery(
  hosts: readonly string[],
  { address, scheme, path }: Target,
): Generator<string> {
  for (const [i, host] of hosts.entries()) {
    const target = {
      targets: [address],
      labels: {
        instance: host,
        ...(scheme === 'https' && { __scheme__: scheme }),
        __metrics_path__: `${path}/probe`,
        __param_target: host,
      },
    };
    yield `${i === 0 ? '[' : ',\n'}${jsonText(target)}`;
  }
  yield hosts.length === 0 ? '[]\n' : ']\n';
}

function healthRoutes(routes: Router, { status }: HttpDependencies): void {
  routes.get('/-/healthy', (_request, response) => {
    sendText(response, 200, 'Healthy');
  });
  routes.get('/-/ready', (_request, response) => {
    const problem = status.notReady();
    sendText(response, problem === undefined ? 200 : 503, problem ?? 'Ready');
  });
}

function crashRoutes(routes: Router, options: HttpOptions, dependencies: HttpDependencies): void {
  const { status, nowMs } = dependencies;
  const now = (): number => nowMs() / 1000;
  routes.get('/icon.svg', (request, response) => {
    send(request, response, 'image/svg+xml', ICON);
  });
  const ownHost = onlyForOwnHost(options, dependencies);
  /** Answers a selection of crashes. */
  const lists = (path: string, answer: Answer): void => {
    routes.get(path, ownHost, async (request, response) => {
      const asked = askedBy(queryOf(request), now());
      if (typeof asked === 'string') sendText(response, 400, asked);
      else await answer(request, response, asked);
    });
  };
  lists('/', async (request, response, asked) => {
    const moment = { ...options, nowSeconds: now() };
    sendPage(request, response, statusPage(await status.view(asked.selection), asked, moment));
  });
  lists('/crashes', async (request, response, asked) => {
    sendPage(request, response, crashesPage(await status.view(asked.selection), asked, now()));
  });
  lists('/signatures', async (request, response, asked) => {
    sendPage(
      request,
      response,
      signaturesPage(await status.signatures(asked.selection), asked, now()),
    );
  });
  lists('/crashes.csv', (request, response, { selection }) =>
    sendLines(request, response, 'text/csv; charset=utf-8', status.csv(selection)),
  );
  lists('/api/v1/crashes', async (request, response, { selection }) => {
    sendJson(request, response, crashesBody(await status.view(selection)));
  });
  lists('/api/v1/signatures', async (request, response, { selection }) => {
    sendJson(request, response, signaturesBody(await status.signatures(selection)));
  });
  routes.get('/crash/:id', ownHost, async (request, response) => {
    const id = String(request.params['id']);
    const crash = isName(id) ? await status.crash(id) : undefined;
    if (crash === undefined) {
      sendText(response, 404, 'No such crash is recorded');
      return;
    }
    sendPage(request, response, crashPage(crash, { ...options, nowSeconds: now() }));
  });
  routes.get('/api/v1/crashes/:id', ownHost, async (request, response) => {
    const id = String(request.params['id']);
    if (!isName(id)) {
      sendText(response, 400, 'id: too long');
      return;
    }
    const crash = await status.crash(id);
    if (crash === undefined) sendJson(request, response.status(404), { error: 'no such crash' });
    else sendJson(request, response, crashBody(crash));
  });
}

type Answer = (request: Request, response: Response, asked: Asked) => Promise<void>;

/**
 * Keeps pages of other sites from reading crashes by DNS rebinding. With a password or a certificate
 * they cannot anyway. Metrics and health are answered by whatever name Prometheus knows this exporter.
 */
function onlyForOwnHost(
  { externalUrl, ownNames }: HttpOptions,
  { webConfig }: HttpDependencies,
): RequestHandler {
  const names = externalUrl === undefined ? ownNames : [...ownNames, externalUrl.hostname];
  return (request, response, next) => {
    const { users, tls } = webConfig();
    if (users.size > 0 || tls !== undefined || isOwnHost(request.get('Host'), names)) next();
    else
      sendText(response, 403, 'Host header: not a name of this exporter; see --web.external-url');
  };
}

/** Leads from / and from the prefix without a slash to the page, as seen from outside. */
function redirectTo(routePrefix: string, app: Express, { externalUrl }: HttpOptions): void {
  const outside = (externalUrl?.pathname ?? routePrefix).replace(/\/*$/, '/');
  app.use((request: Request, response: Response, next: NextFunction) => {
    if (request.path === '/' || request.path === routePrefix)
      sendText(response.location(outside), 302, 'Found');
    else next();
  });
}

function sendExposition(
  request: Request,
  response: Response,
  { contentType, body }: Exposition,
): void {
  send(request, response.vary('Accept'), contentType, body);
}

function sendPage(request: Request, response: Response, page: string): void {
  send(request, response, 'text/html; charset=utf-8', page);
}

function sendJson(request: Request, response: Response, value: object): void {
  send(request, response, JSON_TYPE, `${jsonText(value)}\n`);
}

function queryOf(request: Request): URLSearchParams {
  const start = request.url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : request.url.slice(start + 1));
}

/** A path that cannot be decoded, such as /%zz. */
function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400;
}
