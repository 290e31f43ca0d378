/** Slow clients, and more of them than there is room for: a well-behaved scrape still answers. */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import { CONNECTION_LIMITS } from '../../src/http/connections.ts';
import { CRASH_TIME, counted, crashReport } from '../support/dumps/crash-reports.ts';
import { type TestServer, startTestServer } from '../support/daemon/http-server.ts';

const REPORTS = [crashReport({ hwerr: counted({ pci: [7, CRASH_TIME - 9] }) })];

let server: TestServer | undefined;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await server?.close();
  server = undefined;
});

/** A client that sends this much and then nothing. */
function client(text: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(server!.port, '127.0.0.1', () => {
      socket.write(text);
      resolve(socket);
    });
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      resolve(socket); // it never came so far, or nobody waits for it any more
    });
  });
}

/** A scrape that takes longer than slow clients may, five seconds, fails. */
async function scrapeMs(): Promise<number> {
  const start = performance.now();
  const response = await fetch(`${server!.url}/metrics`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(5000),
  });
  expect(response.status).toBe(200);
  expect(await response.text()).toContain('hwerr_crashes_total 1');
  return performance.now() - start;
}

describe('slow and many clients', () => {
  it('1,000 open connections, idle or in the middle of a request: scrapes answer', async () => {
    const places = { ...CONNECTION_LIMITS.places, arriving: 512 };
    server = await startTestServer({ reports: REPORTS, limits: { ...CONNECTION_LIMITS, places } });
    const quietMs = await scrapeMs();
    for (let i = 0; i < 1000; i++) {
      await client(i % 2 === 0 ? '' : 'GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    }
    const times: number[] = [];
    for (let i = 0; i < 20; i++) times.push(await scrapeMs());
    times.sort((a, b) => a - b);
    console.log(
      `scrape: ${quietMs.toFixed(1)} ms alone; among 1,000 connections median ${times[10]!.toFixed(1)} ms, worst ${times[19]!.toFixed(1)} ms`,
    );
    await expect.poll(() => sockets.size).toBeLessThanOrEqual(places.arriving);
  });

  it('a flood of new connections does not starve scrapes', async () => {
    server = await startTestServer({ reports: REPORTS });
    const enough = new AbortController();
    const flood = (async () => {
      for (let i = 0; !enough.signal.aborted && i < 3000; i++) await client('GET / HT');
    })();
    try {
      for (let i = 0; i < 10; i++) await scrapeMs();
    } finally {
      enough.abort();
      await flood;
    }
  });

  const limits = {
    ...CONNECTION_LIMITS,
    places: { arriving: 16, asking: 16, answering: 16 },
    ...{ requestMs: 400, readMs: 400 },
  };
  const slow = {
    'sends nothing': '',
    'sends half a request': 'GET /metrics HTTP/1.1\r\nHost',
    'never ends its body': 'GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n',
  };
  for (const [what, text] of Object.entries(slow)) {
    it(`a client that ${what} is cut off`, async () => {
      server = await startTestServer({ reports: REPORTS, limits });
      const startMs = performance.now();
      const socket = await client(text);
      socket.resume();
      await once(socket, 'close');
      expect(performance.now() - startMs).toBeGreaterThan(150);
    });
  }

  it('a client that trickles header bytes is cut off all the same', async () => {
    server = await startTestServer({ reports: REPORTS, limits });
    const socket = await client('GET / HTTP/1.1\r\nX: ');
    const trickle = setInterval(() => socket.write('a'), 50);
    onTestFinished(() => {
      clearInterval(trickle);
    });
    await expect.poll(() => sockets.has(socket)).toBe(false);
  });

  it('the oldest makes room for a new one, whatever either said', async () => {
    server = await startTestServer({ reports: REPORTS, limits: { ...limits, requestMs: 60_000 } });
    const waiting: Socket[] = [];
    for (const text of ['GET / HT', '']) {
      for (let i = 0; i < 8; i++) waiting.push(await client(text));
    }
    for (let i = 0; i < 3; i++) waiting.push(await client(''));
    const isOpen = (): boolean[] => waiting.map((socket) => sockets.has(socket));
    await expect.poll(isOpen).toEqual(waiting.map((_, i) => i >= 3));
    await scrapeMs();
    await expect.poll(isOpen).toEqual(waiting.map((_, i) => i >= 4));
  });

  it('whoever says nothing takes no place from whoever is answered, or was', async () => {
    const body = Buffer.alloc(2 ** 20, 'a\n').toString();
    server = await startTestServer({
      body,
      limits: { ...limits, readMs: 60_000, requestMs: 60_000 },
    });
    const idle = await client('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    const reader = await client('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(reader, 'readable');
    const silent: Socket[] = [];
    for (let i = 0; i < 40; i++) silent.push(await client(''));
    await expect.poll(() => silent.filter((one) => sockets.has(one)).length).toBe(16);
    idle.write('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    let read = 0;
    reader.on('data', (bytes: Buffer) => (read += bytes.length));
    await expect.poll(() => read).toBeGreaterThan(body.length);
  });

  it('a client that leaves without a word gives its place back at once', async () => {
    server = await startTestServer({ reports: REPORTS });
    const socket = await client('');
    socket.resume();
    socket.end();
    await expect.poll(() => sockets.has(socket)).toBe(false);
  });

  it('of those that wait, whoever came last is answered first', async () => {
    server = await startTestServer({ reports: REPORTS });
    const order: number[] = [];
    const ask = async (i: number): Promise<void> => {
      const socket = await client('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.once('data', () => order.push(i));
    };
    await Promise.all(Array.from({ length: 100 }, (_, i) => ask(i)));
    await expect.poll(() => order.length).toBe(100);
    const place = (i: number): number => order.indexOf(i);
    expect(place(99)).toBeLessThan(place(50));
  });

  it('draining lets go of idle connections and does not wait for them', async () => {
    server = await startTestServer({ reports: REPORTS });
    const socket = await client('');
    await scrapeMs();
    const start = performance.now();
    await server.close();
    server = undefined;
    expect(performance.now() - start).toBeLessThan(4000); // answers are given 5 s
    await expect.poll(() => sockets.has(socket)).toBe(false);
  });

  it("a client that does not read its answers is not read, cut off, and in nobody's way", async () => {
    server = await startTestServer({ reports: REPORTS, limits: { ...limits, requestMs: 5000 } });
    const greedy = await client('');
    greedy.pause();
    const flood = setInterval(() => {
      if (greedy.writableLength === 0)
        greedy.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200));
    }, 1);
    onTestFinished(() => {
      clearInterval(flood);
    });
    for (let i = 0; sockets.has(greedy) && i < 5000; i++) await scrapeMs();
    expect(sockets.has(greedy)).toBe(false);
  });

  it('unread answers are bounded in all: who holds most goes first', async () => {
    const body = Buffer.alloc(4 * 2 ** 20).toString();
    server = await startTestServer({
      limits: { ...CONNECTION_LIMITS, maxUnreadBytes: 2 ** 20 },
      body,
    });
    const reader = await client('');
    const greedy = await client('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4));
    greedy.pause();
    const isOpen = (): boolean => {
      greedy.write('\r\n'); // who reads nothing notices the end by writing
      return sockets.has(greedy);
    };
    await expect.poll(isOpen).toBe(false);
    expect(sockets.has(reader)).toBe(true);
  });

  it('a client that has said all it wants gets its answers all the same', async () => {
    server = await startTestServer({ reports: REPORTS });
    const socket = await client('');
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
    socket.end('GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
    await expect.poll(() => answer.match(/Healthy/g)?.length).toBe(3);
    await expect.poll(() => sockets.has(socket)).toBe(false);
  });
});
