// Faults of servers that no real one shows on request.

import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import { Connections, HttpObject, ObjectChanged } from '../../../src/decode/remote/http-object.ts';

/** An object of a server that answers the n-th request with the n-th text, and closes. */
async function objectOf(...answers: readonly string[]): Promise<{
  object: HttpObject;
  requests: () => number;
}> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () =>
      socket.end(answers[Math.min(count++, answers.length - 1)] ?? '', 'latin1'),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}/dump?secret`);
  const settings = { timeoutMs: 20_000, plainHttp: true };
  const connections = new Connections();
  const object = new HttpObject(url, 'the dump', settings, connections);
  onTestFinished(() => {
    connections.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { object, requests: () => count };
}

function answer(status: string, headers: readonly string[], body = ''): string {
  return [`HTTP/1.1 ${status}`, 'ETag: "1"', 'Connection: close', ...headers, '', body].join(
    '\r\n',
  );
}

function partial(range: string, body: string, ...headers: readonly string[]): string {
  const own = [`Content-Range: ${range}`, `Content-Length: ${body.length}`];
  return answer('206 Partial Content', [...own, ...headers], body);
}

const WHOLE = partial('bytes 0-3/4', 'abcd');
const BYTES = new TextEncoder().encode('abcd');

describe('HttpObject', () => {
  it('reads again what broke off', async () => {
    const cut = answer(
      '206 Partial Content',
      ['Content-Range: bytes 0-3/4', 'Content-Length: 4'],
      'ab',
    );
    const { object, requests } = await objectOf(cut, WHOLE);
    expect(await object.read(0, 100)).toEqual(BYTES);
    expect(object.size).toBe(4);
    expect(requests()).toBe(2);
  });

  it('reads again where a connection ends without an answer', async () => {
    const { object, requests } = await objectOf('', WHOLE);
    expect(await object.read(0, 100)).toEqual(BYTES);
    expect(requests()).toBe(2);
  });

  it('waits as long as the server asks for', async () => {
    const busy = answer('503 Slow Down', ['Retry-After: 1', 'Content-Length: 0']);
    const { object } = await objectOf(busy, WHOLE);
    const start = performance.now();
    expect(await object.read(0, 100)).toEqual(BYTES);
    expect(performance.now() - start).toBeGreaterThanOrEqual(990);
  });

  it("names the server's code of an error, and the region of the bucket", async () => {
    const body = '<?xml version="1.0"?><Error><Code>PermanentRedirect</Code></Error>';
    const elsewhere = answer('301 Moved Permanently', ['x-amz-bucket-region: eu-west-1'], body);
    const { object } = await objectOf(elsewhere);
    await expect(object.read(0, 100)).rejects.toMatchObject({
      reason: 'io',
      message: 'the dump: got 301 PermanentRedirect (bucket in eu-west-1)',
    });
  });

  it.each([
    ['other bytes than were asked for', partial('bytes 8-11/100', 'abcd')],
    ['fewer', partial('bytes 0-3/100', 'abcd')],
    ['a range without the size of the object', partial('bytes 0-3/*', 'abcd')],
    ['no range', answer('206 Partial Content', ['Content-Length: 4'], 'abcd')],
    ['packed bytes', partial('bytes 0-3/4', 'abcd', 'Content-Encoding: gzip')],
  ])('takes no answer with %s, and does not ask again', async (_what, text) => {
    const { object, requests } = await objectOf(text);
    await expect(object.read(0, 100)).rejects.toMatchObject({ reason: 'io' });
    expect(requests()).toBe(1);
  });

  it.each([
    ['another ETag', partial('bytes 0-3/4', 'efgh').replace('"1"', '"2"')],
    ['another size', partial('bytes 0-3/5', 'abcd')],
    ['that it has another state', answer('412 Precondition Failed', ['Content-Length: 0'])],
    ['that it is shorter', answer('416 Range Not Satisfiable', ['Content-Range: bytes */2'])],
  ])('calls the object changed when an answer says %s', async (_what, text) => {
    const { object } = await objectOf(WHOLE, text);
    await object.read(0, 4);
    await expect(object.read(0, 4)).rejects.toBeInstanceOf(ObjectChanged);
  });
});
