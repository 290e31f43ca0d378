/** What is answered where, over a real socket. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LiveState } from '../../src/host/live.ts';
import { newCrashId, sha256 } from '../../src/ledger/identity.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';
import { LIST_SCHEMA } from '../support/daemon/crash-schema.ts';
import { type TestServer, startTestServer } from '../support/daemon/http-server.ts';

const OPENMETRICS =
  'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

const REPORTS = [
  crashReport({
    hwerr: counted({ pci: [7, CRASH_TIME - 9], others: [10, CRASH_TIME - 20] }),
    nodename: 'a',
    bootId: 'boot-a',
  }),
  crashReport({
    hwerr: counted({ cpu: [1, CRASH_TIME - 999] }),
    nodename: 'b',
    bootId: 'boot-b',
    crashTimeSeconds: CRASH_TIME - 60,
  }),
  crashReport({
    nodename: 'b',
    bootId: 'boot-c',
    hwerr: { kind: 'absent', reason: 'page_lost' },
    crashTimeSeconds: null,
  }),
];

/** The published ids of those. */
const [A, B, C] = REPORTS.map(({ nodename, bootId, crashTimeSeconds, vmcoreinfoLines }) =>
  newCrashId({ bootId, crashTimeSeconds, nodename, pathHost: null }, sha256(vmcoreinfoLines), ''),
);

const LIVE: LiveState = {
  kind: 'present',
  readSeconds: CRASH_TIME + 50,
  categories: [
    { category: 'pci', count: 4711, lastErrorTimestampSeconds: CRASH_TIME + 40 },
    { category: 'cxl', count: 0, lastErrorTimestampSeconds: null },
  ],
};

let node: TestServer;
let central: TestServer;
beforeAll(async () => {
  const nowMs = (): number => (CRASH_TIME + 60) * 1000;
  node = await startTestServer({ reports: REPORTS, nowMs, armed: true, live: LIVE });
  central = await startTestServer({ reports: REPORTS, nowMs, mode: 'central' });
});
afterAll(async () => {
  await node.close();
  await central.close();
});

describe('the metrics endpoint', () => {
  const counters = (text: string): string[] =>
    text.split('\n').filter((line) => line.startsWith('hwerr_recoverable_errors'));

  it('answers both formats right, in any order', async () => {
    const [text, open] = ['text/plain', OPENMETRICS];
    for (const accept of [text, open, open, text, '*/*', open, text, '']) {
      const response = await fetch(`${node.url}/metrics`, { headers: { accept } });
      const body = await response.text();
      const wantsOpen = accept === OPENMETRICS;
      expect(response.headers.get('content-type')).toBe(
        wantsOpen
          ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
          : 'text/plain; version=0.0.4; charset=utf-8',
      );
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('vary')).toContain('Accept');
      expect(counters(body)).toContain('hwerr_recoverable_errors_total{category="pci"} 7');
      expect(body.endsWith('# EOF\n')).toBe(wantsOpen);
      const typed = wantsOpen
        ? 'hwerr_recoverable_errors counter'
        : 'hwerr_recoverable_errors_total counter';
      expect(body).toContain(`# TYPE ${typed}\n`);
    }
  });

  it('prefers what the client prefers', async () => {
    const prefer = async (accept: string): Promise<string> =>
      (await fetch(`${node.url}/metrics`, { headers: { accept } })).headers.get('content-type')!;
    expect(await prefer('application/openmetrics-text;q=0.2,text/plain;q=0.8')).toMatch(/^text/);
    expect(await prefer('application/openmetrics-text;version=2.0.0')).toMatch(/^text/);
    expect(await prefer('application/openmetrics-text;q=0')).toMatch(/^text/);
    expect(
      await prefer('application/OpenMetrics-Text; version="1.0.0"; escaping=allow-utf-8;q=0.5'),
    ).toMatch(/^application/);
  });

  it('compresses for whoever can read it, and only then', async () => {
    const raw = await rawGet(node.port, '/metrics', { 'accept-encoding': 'br, gzip;q=0.5' });
    expect(raw.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(raw.body).toString()).toContain('hwerr_crashes_total 3');
    for (const encoding of ['identity', 'gzip;q=0', 'br']) {
      const plain = await rawGet(node.port, '/metrics', { 'accept-encoding': encoding });
      expect(plain.headers['content-encoding']).toBeUndefined();
    }
  });

  it('is not stale: an absent gauge is absent, not 0', async () => {
    const body = await (await fetch(`${central.url}/probe?target=b`)).text();
    expect(body).toContain('hwerr_recoverable_errors_total{category="cpu"} 1');
    expect(body).not.toContain('hwerr_last_error_age_seconds{category="pci"}');
  });
});

describe('every endpoint', () => {
  const paths = [
    '/',
    '/metrics',
    '/api/v1/crashes',
    `/api/v1/crashes/${A}`,
    '/-/healthy',
    '/-/ready',
    '/icon.svg',
  ];

  for (const path of paths) {
    it(`answers HEAD ${path} as GET, without a body`, async () => {
      const headers = { 'accept-encoding': 'identity' };
      const [get, head] = [
        await rawGet(node.port, path, headers),
        await rawGet(node.port, path, headers, 'HEAD'),
      ];
      expect([get.status, head.status]).toEqual([200, 200]);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect(head.body.length).toBe(0);
      expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
    });
  }

  it('refuses other methods, unknown paths and paths that are none', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${node.url}/metrics`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD');
    }
    expect((await fetch(`${node.url}/nothing`)).status).toBe(404);
    expect((await fetch(`${node.url}/sd`)).status).toBe(404); // central mode alone
    expect((await rawGet(node.port, '/api/v1/crashes/%zz')).status).toBe(400);
    expect((await fetch(`${node.url}/api/v1/crashes?limit=0`)).status).toBe(400);
    expect((await fetch(`${node.url}/?category=disk`)).status).toBe(400);
  });

  it('survives requests that are none, and headers beyond all measure', async () => {
    expect(await rawText(node.port, 'GARBAGE\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
    expect(await rawText(node.port, `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431/,
    );
    expect((await fetch(`${node.url}/-/healthy`)).status).toBe(200);
  });
});

describe('central mode', () => {
  it('answers for one host, and for none that did not crash', async () => {
    const probe = async (query: string): Promise<Response> => fetch(`${central.url}/probe${query}`);
    expect(await (await probe('?target=a')).text()).toContain('hwerr_crashes_total 1');
    expect(await (await probe('?target=b')).text()).toContain('hwerr_crashes_total 2');
    expect((await probe('?target=c')).status).toBe(404);
    expect((await probe('')).status).toBe(400);
  });

  it('lists hosts as labels of its own address', async () => {
    const response = await fetch(`${central.url}/sd`);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual(
      ['a', 'b'].map((host) => ({
        targets: [`127.0.0.1:${central.port}`],
        labels: { instance: host, __metrics_path__: '/probe', __param_target: host },
      })),
    );
    expect((await rawGet(central.port, '/sd', { host: 'evil"host' })).status).toBe(400);
  });
});

describe('behind a proxy', () => {
  const labels = (host: string): object => ({ instance: host, __param_target: host });

  it('/sd leads Prometheus through the proxy', async () => {
    const server = await startTestServer({
      reports: REPORTS,
      mode: 'central',
      externalUrl: 'https://example.com/hwerr/',
    });
    const targets: unknown = await (await fetch(`${server.url}/sd`)).json();
    expect(targets).toEqual(
      ['a', 'b'].map((host) => ({
        targets: ['example.com:443'],
        labels: { ...labels(host), __scheme__: 'https', __metrics_path__: '/hwerr/probe' },
      })),
    );
    await server.close();
  });

  it('everything is under the route prefix, and / leads there', async () => {
    const server = await startTestServer({
      reports: REPORTS,
      mode: 'central',
      routePrefix: '/hwerr',
    });
    for (const path of ['/', '/metrics', '/-/healthy', '/api/v1/crashes', '/probe?target=a']) {
      expect((await fetch(`${server.url}/hwerr${path}`)).status, path).toBe(200);
    }
    for (const path of ['/', '/hwerr']) {
      const { status, headers } = await fetch(server.url + path, { redirect: 'manual' });
      expect([status, headers.get('location')], path).toEqual([302, '/hwerr/']);
    }
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
    const [target] = (await (await fetch(`${server.url}/hwerr/sd`)).json()) as object[];
    expect(target).toEqual({
      targets: [`127.0.0.1:${server.port}`],
      labels: { ...labels('a'), __metrics_path__: '/hwerr/probe' },
    });
    await server.close();
  });

  it('headers that a client may have sent itself change nothing', async () => {
    const headers = {
      ...{ 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
      ...{ 'x-forwarded-prefix': '/evil', forwarded: 'host=evil.example;proto=https' },
    };
    for (const path of ['/sd', '/']) {
      const body = (await rawGet(central.port, path, headers)).body.toString();
      expect(body, path).not.toMatch(/evil|https:/);
    }
  });
});

describe('the name it is called by', () => {
  const status = async (path: string, host: string): Promise<number> =>
    (await rawGet(central.port, path, { host })).status;

  it('is its own where crashes are shown: no page of another site reads them by DNS rebinding', async () => {
    for (const host of [
      'evil.example',
      'evil.example:10048',
      'localhost.evil.example',
      'db8.example.com',
    ]) {
      for (const path of ['/', '/api/v1/crashes', '/api/v1/crashes/boot-a']) {
        expect(await status(path, host), `${host} ${path}`).toBe(403);
      }
    }
  });

  it.each([
    '10.1.2.3:10048',
    '[::1]:10048',
    'localhost',
    'crash-store:10048',
    'DB7.example.com.',
    'db7.dc2.example.org',
    'hwerr.monitoring.svc',
  ])('may be %s', async (host) => {
    expect(await status('/api/v1/crashes', host)).toBe(200);
  });

  it('may be any for a scrape, and for everything where a password is asked', async () => {
    for (const path of ['/metrics', '/probe?target=a', '/sd', '/-/healthy', '/-/ready']) {
      expect(await status(path, 'store.example.net'), path).toBe(200);
    }
  });
});

describe('names that are none', () => {
  it.each([
    `/?host=${'a'.repeat(2000)}`,
    `/api/v1/crashes?host=${'a'.repeat(2000)}`,
    `/api/v1/crashes/${'a'.repeat(5000)}`,
  ])('are refused without a line in the log: %s', async (path) => {
    expect((await rawGet(central.port, path)).status).toBe(400);
    expect(central.log()).toBe('');
  });

  it('belong to no host that crashed', async () => {
    expect((await rawGet(central.port, `/probe?target=${'a'.repeat(5000)}`)).status).toBe(404);
    expect(central.log()).toBe('');
  });
});

describe('this boot', () => {
  const pageOf = async (live: LiveState): Promise<{ page: string; api: unknown }> => {
    const server = await startTestServer({ live, nowMs: () => (CRASH_TIME + 60) * 1000 });
    const page = await (await fetch(server.url)).text();
    const { thisBoot } = (await (await fetch(`${server.url}/api/v1/crashes`)).json()) as {
      thisBoot: unknown;
    };
    await server.close();
    return { page: page.replace(/\s+/g, ' '), api: thisBoot };
  };

  it('is shown apart from the crashes, with the times of its last errors', async () => {
    const { page, api } = await pageOf(LIVE);
    expect(page).toContain('<h2>Running kernel</h2>');
    expect(page).toMatch(/survived so far, read 10 s ago\. They are in none of the crashes below/);
    expect(page).toMatch(/pci<\/th> <td class="count">4711<\/td> <td><time[^>]*>.* \(20 s ago\)/);
    expect(page).toMatch(/cxl<\/th> <td class="count">0<\/td> <td>never/);
    expect(api).toEqual(LIVE);
  });

  it('says what it lacks, escaped', async () => {
    const message = '/proc/kcore: needs CAP_SYS_RAWIO and no lockdown <b>';
    const { page, api } = await pageOf({ kind: 'unavailable', message });
    expect(page).toContain('needs CAP_SYS_RAWIO and no lockdown &#60;b&#62;');
    expect(api).toEqual({ kind: 'unavailable', message });
  });

  it('is not mentioned where nobody asked', async () => {
    const { page, api } = await pageOf({ kind: 'off' });
    expect(page).not.toContain('Running kernel');
    expect(api).toBeNull();
  });
});

describe('the JSON API', () => {
  it('answers what its schema says', async () => {
    const body: unknown = await (await fetch(`${node.url}/api/v1/crashes`)).json();
    expect(LIST_SCHEMA.safeParse(body).error).toBeUndefined();
    expect(LIST_SCHEMA.safeParse({ ...(body as object), more: 1 }).success).toBe(false);
    const [{ id, ...withoutId } = {}] = (body as { crashes: { id?: string }[] }).crashes;
    const changed = { ...(body as object), crashes: [withoutId] };
    expect(LIST_SCHEMA.safeParse(changed).success).toBe(false);
    expect(body).toMatchObject({
      kdumpArmed: true,
      thisBoot: LIVE,
      total: 3,
      crashes: [
        {
          id: A,
          host: 'a',
          verdict: {
            kind: 'suspect',
            category: 'pci',
            leadSeconds: 9,
            text: 'PCI error 9 s before the panic',
          },
        },
        { id: B, verdict: { kind: 'earlier', leadSeconds: 939 } },
        { id: C, verdict: { kind: 'unknown', reason: 'page_lost' } },
      ],
    });
  });

  it('selects by host, category, limit and offset', async () => {
    const ids = async (query: string): Promise<string[]> => {
      const body = (await (await fetch(`${node.url}/api/v1/crashes${query}`)).json()) as {
        crashes: { id: string }[];
      };
      return body.crashes.map(({ id }) => id);
    };
    expect(await ids('?host=b')).toEqual([B, C]);
    expect(await ids('?category=pci')).toEqual([A]);
    expect(await ids('?limit=1&offset=1')).toEqual([B]);
  });

  it('answers one crash, and 404 for none', async () => {
    expect(await (await fetch(`${node.url}/api/v1/crashes/${A}`)).json()).toMatchObject({
      host: 'a',
    });
    const none = await fetch(`${node.url}/api/v1/crashes/boot-x`);
    expect([none.status, await none.json()]).toEqual([404, { error: 'no such crash' }]);
  });
});

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function rawGet(port: number, path: string, headers = {}, method = 'GET'): Promise<Raw> {
  return new Promise((resolve, reject) => {
    httpRequest({ port, host: '127.0.0.1', path, headers, method }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(pieces),
        });
      });
    })
      .on('error', reject)
      .end();
  });
}

/** What comes back for bytes that are no good request. */
function rawText(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    socket
      .on('error', () => undefined)
      .on('close', () => {
        resolve(answer);
      });
  });
}
