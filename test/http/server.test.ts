/** The server itself, whatever is served: where it listens, when it ends, what it does about errors. */
import { EventEmitter, once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { Readable } from 'node:stream';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { HttpDependencies } from '../../src/http/routes.ts';
import { Unavailable } from '../../dist/failure.js';
import { type HttpServer, type ServerOptions, startHttpServer } from '../../dist/http/server.js';
import type { StatusSource } from '../../src/http/views.ts';
import { PLAIN_HTTP } from '../../src/webconfig/plain-http.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { freePort } from '../support/system/free-port.ts';

const METRICS = '# TYPE a counter\na 1\n';
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const LOCAL = { host: '127.0.0.1', port: 0 };

const nothing: StatusSource = {
  view: () =>
    Promise.resolve({
      recorded: 0,
      matching: 0,
      crashes: [],
      directories: [],
      failures: [],
      kdumpArmed: undefined,
      thisBoot: undefined,
      hosts: [],
      ledgerProblem: undefined,
    }),
  signatures: () => Promise.resolve({ signatures: [], total: 0, unsigned: 0, hosts: [] }),
  csv: () => Readable.from([]),
  crash: () => Promise.resolve(undefined),
  hosts: () => Promise.resolve([]),
  notReady: () => undefined,
};

interface Started {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  readonly log: readonly string[];
}

async function start(
  dependencies: Partial<HttpDependencies> = {},
  options: Partial<ServerOptions> = {},
): Promise<Started> {
  const { log, lines } = memoryLog();
  const server = await startHttpServer(
    {
      listen: [LOCAL],
      webConfig: PLAIN_HTTP,
      mode: 'node',
      telemetryPath: '/metrics',
      version: '1.2.3',
      suspectWindowSeconds: 300,
      ...{ externalUrl: undefined, routePrefix: '', ownNames: [] },
      ...options,
    },
    {
      metrics: () => Promise.resolve({ contentType: CONTENT_TYPE, body: METRICS }),
      hostMetrics: () => Promise.resolve(undefined),
      status: nothing,
      log,
      nowMs: Date.now,
      ...dependencies,
    },
  );
  onTestFinished(() => server.close());
  const port = server.ports[0]!;
  return { server, port, url: `http://127.0.0.1:${port}`, log: lines };
}

function socketTo(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined); // the server may reset it: that is what is tested
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

describe('startHttpServer', () => {
  it('serves the metrics as they are rendered, anew each time', async () => {
    let scrapes = 0;
    const metrics = (): Promise<{ contentType: string; body: string }> =>
      Promise.resolve({ contentType: CONTENT_TYPE, body: `a ${++scrapes}\n` });
    const { url } = await start({ metrics });
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(CONTENT_TYPE);
    expect(await response.text()).toBe('a 1\n');
    expect(await (await fetch(`${url}/metrics`)).text()).toBe('a 2\n');
  });

  it('serves the metrics where it is told to', async () => {
    const { url } = await start({}, { telemetryPath: '/custom/path' });
    expect(await (await fetch(`${url}/custom/path`)).text()).toBe(METRICS);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    expect(await (await fetch(url)).text()).toContain('<a href="custom/path">');
  });

  it('is healthy from the start, and ready when nothing says that it is not', async () => {
    const now: { problem: string | undefined } = { problem: 'Waiting for the first scan' };
    const { url } = await start({ status: { ...nothing, notReady: () => now.problem } });
    const ask = async (path: string): Promise<unknown[]> => {
      const response = await fetch(url + path);
      return [response.status, await response.text()];
    };
    expect(await ask('/-/healthy')).toEqual([200, 'Healthy\n']);
    expect(await ask('/-/ready')).toEqual([503, 'Waiting for the first scan\n']);
    now.problem = undefined;
    expect(await ask('/-/ready')).toEqual([200, 'Ready\n']);
    now.problem = 'Ledger: no space left on device';
    expect(await ask('/-/ready')).toEqual([503, 'Ledger: no space left on device\n']);
    expect(await ask('/-/healthy')).toEqual([200, 'Healthy\n']);
  });

  it.each([
    ['node', ['crashes', 'signatures', 'metrics', 'api/v1/crashes', '-/healthy', '-/ready']],
    [
      'central',
      ['crashes', 'signatures', 'metrics', 'api/v1/crashes', 'sd', '-/healthy', '-/ready'],
    ],
  ] as const)('has a page at / that leads to all that %s mode answers', async (mode, paths) => {
    const { url } = await start({}, { mode });
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const page = await response.text();
    expect(page).toContain('Version 1.2.3,');
    const links = [...page.matchAll(/href="([^"#]+)"/g)].map(([, path]) => path!);
    expect(links).toEqual(['icon.svg', ...paths]);
    for (const path of links) expect((await fetch(`${url}/${path}`)).status, path).toBe(200);
  });

  it.each([
    ['/nowhere', 404, 'Not Found\n'],
    ['/metrics/x', 404, 'Not Found\n'],
    ['/-/', 404, 'Not Found\n'],
    ['/%2e%2e/etc/passwd', 404, 'Not Found\n'],
    ['/favicon.ico', 404, 'Not Found\n'],
    ['/probe', 404, 'Not Found\n'], // central mode alone
    ['/api/v1/crashes/%ff', 400, 'Bad Request\n'],
  ])('has nothing at %s', async (path, status, text) => {
    const { url, log } = await start();
    const response = await fetch(url + path);
    expect([response.status, await response.text()]).toEqual([status, text]);
    expect(log).toEqual([]);
  });

  it.each(['/metrics', '/-/healthy', '/-/ready', '/', '/nowhere'])(
    'answers HEAD as GET, without the body, and keeps no answer in a cache: %s',
    async (path) => {
      const { url } = await start({}, {});
      const got = await fetch(url + path);
      const head = await fetch(url + path, { method: 'HEAD' });
      expect(head.status).toBe(got.status);
      expect(await head.text()).toBe('');
      for (const name of ['content-type', 'cache-control']) {
        expect(head.headers.get(name), name).toBe(got.headers.get(name));
      }
      expect(got.headers.get('cache-control')).toBe('no-store');
      expect(got.headers.get('etag')).toBeNull();
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('answers no %s', async (method) => {
    const { url } = await start();
    const response = await fetch(`${url}/metrics`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('sends headers that keep a page from being more than a page', async () => {
    const { url } = await start();
    const { headers } = await fetch(url);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('strict-transport-security')).toBeNull();
  });

  it('lists a hundred thousand hosts, which is more than may wait for a client', async () => {
    const hosts = Array.from({ length: 100_000 }, (_, i) => `host-${i}`);
    const status = { ...nothing, hosts: () => Promise.resolve(hosts) };
    const { url } = await start({ status }, { mode: 'central' });
    const targets = (await (await fetch(`${url}/sd`)).json()) as { labels: { instance: string } }[];
    expect(targets.map(({ labels }) => labels.instance)).toEqual(hosts);
    const none = await start({ status: nothing }, { mode: 'central' });
    expect(await (await fetch(`${none.url}/sd`)).json()).toEqual([]);
  });

  it('answers 503 and says why while what is asked for cannot be told', async () => {
    const hostMetrics = (): Promise<never> => Promise.reject(new Unavailable('db: no answer'));
    const { url } = await start({ hostMetrics }, { mode: 'central' });
    const response = await fetch(`${url}/probe?target=a`);
    const text = 'The ledger cannot be read now: db: no answer\n';
    expect([response.status, await response.text()]).toEqual([503, text]);
  });

  it('answers 500 and logs why when metrics cannot be rendered, and goes on', async () => {
    let broken = true;
    const metrics = (): Promise<{ contentType: string; body: string }> =>
      broken
        ? Promise.reject(new Error('a secret reason'))
        : Promise.resolve({ contentType: CONTENT_TYPE, body: METRICS });
    const { url, log } = await start({ metrics });
    const response = await fetch(`${url}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n']);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(log.join('')).toMatch(/level=error .*path=\/metrics error="a secret reason"/);
    broken = false;
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });

  it('fails to start on an address in use, says so, and lets go of the others', async () => {
    const { port } = await start();
    const free = await freePort();
    const listen = [
      { ...LOCAL, port: free },
      { ...LOCAL, port },
    ];
    await expect(start({}, { listen })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect((await start({}, { listen: [{ ...LOCAL, port: free }] })).port).toBe(free);
  });

  it('listens on every address when none is given', async () => {
    const { url } = await start({}, { listen: [{ port: 0 }] });
    expect(await (await fetch(`${url}/metrics`)).text()).toBe(METRICS);
  });

  it('finishes the answer under way when it is closed', async () => {
    const events = new EventEmitter();
    const metrics = async (): Promise<{ contentType: string; body: string }> => {
      events.emit('asked');
      await once(events, 'rendered');
      return { contentType: CONTENT_TYPE, body: METRICS };
    };
    const asked = once(events, 'asked');
    const { server, url } = await start({ metrics });
    const answer = fetch(`${url}/metrics`);
    await asked;
    const closed = server.close();
    events.emit('rendered');
    expect(await (await answer).text()).toBe(METRICS);
    await closed;
    await expect(fetch(url)).rejects.toThrow();
  });

  it('does not wait for clients that say nothing, or half of it, when it is closed', async () => {
    const { server, port } = await start();
    const silent = socketTo(port);
    const halfway = socketTo(port);
    await Promise.all([once(silent, 'connect'), once(halfway, 'connect')]);
    halfway.write('GET /metrics HTTP/1.1\r\nHost: x\r\n');
    const startMs = performance.now();
    await server.close();
    expect(performance.now() - startMs).toBeLessThan(4000); // answers are given 5 s
  });
});
