// The HTTP routes, GET and HEAD only. None of them reads a dump or a directory, so that a scrape is answered
// whatever their disks are doing.

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
import { type CrashQuery, parseCrashQuery } from './selection.ts';
import { isName } from '../selection.ts';
import { CONTENT_SECURITY_POLICY, ICON } from './style.ts';
import type { StatusSource } from './views.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The configuration of the routes. */
export interface HttpOptions extends PageOptions {
  /** URL under which clients reach the exporter; undefined: that of the request. */
  readonly externalUrl: URL | undefined;
  /** Prefix of every path, such as `/prefix`; empty: none. */
  readonly routePrefix: string;
  /** Names of this host. */
  readonly ownNames: readonly string[];
}

/** The body of one scrape. */
interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** The parts of the daemon that the routes use. */
export interface HttpDependencies {
  /** Metrics of the exporter, in node mode including the crashes. */
  readonly metrics: (format: Format) => Promise<Exposition>;
  /** Metrics of the crashes of one host; undefined if none is recorded. */
  readonly hostMetrics: (host: string, format: Format) => Promise<Exposition | undefined>;
  readonly status: StatusSource;
  readonly webConfig: () => WebConfig;
  readonly log: Logger;
  readonly nowMs: () => number;
}

/** Returns the routes as an Express application. */
export function httpApp(options: HttpOptions, dependencies: HttpDependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { ...CONTENT_SECURITY_POLICY } },
      strictTransportSecurity: false, // left to the web configuration, because it applies to the whole host
      xFrameOptions: { action: 'deny' },
    }),
  );
  const { webConfig, nowMs } = dependencies;
  app.use(onlyReads, accessControl(webConfig, requesterOf, nowMs));
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

/** All sockets of the HTTP server are PacedStreams. */
function requesterOf({ socket }: Request): PacedStream {
  return socket as unknown as PacedStream;
}

/** Allows only GET and HEAD, and forbids caching. */
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
    const requested = { address: request.get('Host') ?? '', scheme, path: routePrefix };
    if (externalUrl === undefined && !ADDRESS.test(requested.address)) {
      sendText(response, 400, 'Host header: not an address');
      return;
    }
    const target = externalUrl === undefined ? requested : targetAt(externalUrl);
    await sendLines(request, response, JSON_TYPE, discovery(await status.hosts(), target));
  });
}

interface Target {
  readonly address: string;
  readonly scheme: string;
  readonly path: string;
}

/** HOST, IPv4 or [IPv6], with an optional port. */
const ADDRESS = /^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/;

/** Returns the target under which the exporter is reached. */
function targetAt({ protocol, hostname, port, pathname }: URL): Target {
  const defaultPort = protocol === 'https:' ? '443' : '80';
  return {
    address: `${hostname}:${port || defaultPort}`,
    scheme: protocol.slice(0, -1),
    path: pathname.replace(/\/+$/, ''),
  };
}

/**
 * Makes the answer for Prometheus' HTTP service discovery: one target per host, at the address of this
 * exporter. The host name comes from a dump and may be anything, so it is a label, never an address. Lines
 * are made as the client reads them, because the list of 100,000 hosts exceeds the limit on unread bytes.
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
  /** Adds a route that answers a selection of crashes. */
  const listRoute = (path: string, answer: Answer): void => {
    routes.get(path, ownHost, async (request, response) => {
      const query = parseCrashQuery(queryOf(request), now());
      if (typeof query === 'string') sendText(response, 400, query);
      else await answer(request, response, query);
    });
  };
  listRoute('/', async (request, response, query) => {
    const context = { ...options, nowSeconds: now() };
    sendPage(request, response, statusPage(await status.view(query.selection), query, context));
  });
  listRoute('/crashes', async (request, response, query) => {
    sendPage(request, response, crashesPage(await status.view(query.selection), query, now()));
  });
  listRoute('/signatures', async (request, response, query) => {
    sendPage(
      request,
      response,
      signaturesPage(await status.signatures(query.selection), query, now()),
    );
  });
  listRoute('/crashes.csv', (request, response, { selection }) =>
    sendLines(request, response, 'text/csv; charset=utf-8', status.csv(selection)),
  );
  listRoute('/api/v1/crashes', async (request, response, { selection }) => {
    sendJson(request, response, crashesBody(await status.view(selection)));
  });
  listRoute('/api/v1/signatures', async (request, response, { selection }) => {
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

type Answer = (request: Request, response: Response, query: CrashQuery) => Promise<void>;

/**
 * Prevents pages of other sites from reading crashes by DNS rebinding; with passwords or TLS they cannot
 * anyway. Metrics and health checks are answered under any name, because Prometheus may use any.
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

/** Redirects / and the prefix without a slash to the status page, by its external path. */
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

/** Whether Express could not decode the path, such as /%zz. */
function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400;
}
