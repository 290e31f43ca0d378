import { EventEmitter, once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { describe, expect, it, onTestFinished } from 'vitest';

import { type HttpDependencies, type HttpServer, startHttpServer } from '../../src/http/server.ts';
import { memoryLog } from '../support/logger.ts';

const METRICS = '# TYPE a counter\na 1\n';
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface Started {
  readonly server: HttpServer;
  readonly url: string;
  readonly log: readonly string[];
}

async function start(
  dependencies: Partial<HttpDependencies> = {},
  telemetryPath = '/metrics',
): Promise<Started> {
  const { log, lines } = memoryLog();
  const server = await startHttpServer(
    { listen: { host: '127.0.0.1', port: 0 }, telemetryPath, version: '1.2.3' },
    {
      metrics: { contentType: CONTENT_TYPE, render: () => Promise.resolve(METRICS) },
      isReady: () => true,
      log,
      ...dependencies,
    },
  );
  onTestFinished(() => server.close());
  return { server, url: `http://127.0.0.1:${server.port}`, log: lines };
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
    const metrics = {
      contentType: CONTENT_TYPE,
      render: () => Promise.resolve(`a ${++scrapes}\n`),
    };
    const { url } = await start({ metrics });
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(CONTENT_TYPE);
    expect(await response.text()).toBe('a 1\n');
    expect(await (await fetch(`${url}/metrics`)).text()).toBe('a 2\n');
  });

  it('serves the metrics where it is told to', async () => {
    const { url } = await start({}, '/custom/path');
    expect(await (await fetch(`${url}/custom/path`)).text()).toBe(METRICS);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    expect(await (await fetch(url)).text()).toContain('<a href="/custom/path">');
  });

  it('is healthy from the start, and ready after the first scan', async () => {
    let ready = false;
    const { url } = await start({ isReady: () => ready });
    const ask = async (path: string): Promise<unknown[]> => {
      const response = await fetch(url + path);
      return [response.status, await response.text()];
    };
    expect(await ask('/-/healthy')).toEqual([200, 'Healthy\n']);
    expect(await ask('/-/ready')).toEqual([503, 'Waiting for the first scan\n']);
    ready = true;
    expect(await ask('/-/ready')).toEqual([200, 'Ready\n']);
  });

  it('has a page at / that leads to all of them', async () => {
    const { url } = await start();
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const page = await response.text();
    expect(page).toContain('1.2.3');
    for (const [, path] of page.matchAll(/href="([^"]+)"/g)) {
      expect((await fetch(url + path!)).status, path).toBe(200);
    }
    expect([...page.matchAll(/href="/g)]).toHaveLength(3);
  });

  it.each(['/nowhere', '/metrics/x', '/-/', '/%2e%2e/etc/passwd', '/%ff', '/favicon.ico'])(
    'has nothing at %s',
    async (path) => {
      const { url } = await start();
      const response = await fetch(url + path);
      expect([response.status, await response.text()]).toEqual([404, 'Not Found\n']);
    },
  );

  it.each(['/metrics', '/-/healthy', '/-/ready', '/', '/nowhere'])(
    'answers HEAD as GET, without the body, and keeps no answer in a cache: %s',
    async (path) => {
      const { url } = await start();
      const got = await fetch(url + path);
      const head = await fetch(url + path, { method: 'HEAD' });
      expect(head.status).toBe(got.status);
      expect(await head.text()).toBe('');
      for (const name of ['content-type', 'content-length', 'cache-control']) {
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
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('answers 500 and logs why when metrics cannot be rendered, and goes on', async () => {
    let broken = true;
    const metrics = {
      contentType: CONTENT_TYPE,
      render: () =>
        broken ? Promise.reject(new Error('a secret reason')) : Promise.resolve(METRICS),
    };
    const { url, log } = await start({ metrics });
    const response = await fetch(`${url}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n']);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(log.join('')).toMatch(/level=error .*path=\/metrics error="a secret reason"/);
    broken = false;
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });

  it('fails to start on an address in use, and says so', async () => {
    const { server } = await start();
    const options = {
      listen: { host: '127.0.0.1', port: server.port },
      telemetryPath: '/metrics',
      version: '',
    };
    const dependencies = {
      metrics: { contentType: CONTENT_TYPE, render: () => Promise.resolve('') },
      isReady: () => true,
      log: memoryLog().log,
    };
    await expect(startHttpServer(options, dependencies)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('listens on every address when none is given', async () => {
    const server = await startHttpServer(
      { listen: { host: undefined, port: 0 }, telemetryPath: '/metrics', version: '' },
      {
        metrics: { contentType: CONTENT_TYPE, render: () => Promise.resolve(METRICS) },
        isReady: () => true,
        log: memoryLog().log,
      },
    );
    onTestFinished(() => server.close());
    expect(await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()).toBe(METRICS);
  });

  it('finishes the answer under way when it is closed', async () => {
    const events = new EventEmitter();
    const render = async (): Promise<string> => {
      events.emit('asked');
      await once(events, 'rendered');
      return METRICS;
    };
    const asked = once(events, 'asked');
    const { server, url } = await start({ metrics: { contentType: CONTENT_TYPE, render } });
    const answer = fetch(`${url}/metrics`);
    await asked;
    const closed = server.close();
    events.emit('rendered');
    expect(await (await answer).text()).toBe(METRICS);
    await closed;
    await expect(fetch(url)).rejects.toThrow();
  });

  it('does not wait for clients that say nothing when it is closed', async () => {
    const { server } = await start();
    const silent = socketTo(server.port);
    const halfway = socketTo(server.port);
    await Promise.all([once(silent, 'connect'), once(halfway, 'connect')]);
    halfway.write('GET /metrics HTTP/1.1\r\nHost: x\r\n');
    const startMs = performance.now();
    await server.close();
    expect(performance.now() - startMs).toBeLessThan(5000);
  });

  it('answers what is no HTTP with 400', async () => {
    const { server, url } = await start();
    const socket = socketTo(server.port);
    socket.end('\x16\x03\x01 hello\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(url)).status).toBe(200);
  });
});
