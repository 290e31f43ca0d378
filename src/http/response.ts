// Sends answers: content type, caching, compression for clients that accept it.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as otherWork } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';
import { errorCode } from '../failure.ts';
import { acceptsGzip } from './negotiation.ts';

/** Smaller bodies are not compressed, because their headers are larger. */
const WORTH_COMPRESSING = 1024;

/**
 * A window of 8 KiB: zlib then needs 64 KiB for each answer instead of 256, which the allocator would get from the
 * kernel and give back each time. The answer to /probe is 1 % longer, and its compression takes half the CPU time.
 */
const GZIP = { level: 3, windowBits: 13, memLevel: 6 };

/**
 * Sends a body, compressed if the client accepts it. Compresses on this thread (about 1 ms per 100 KiB),
 * because the thread pool may be blocked by a hung NFS mount and a scrape must not wait for that.
 */
export function send(
  request: Request,
  response: Response,
  contentType: string,
  body: string,
): void {
  response.set('Content-Type', contentType).vary('Accept-Encoding');
  if (body.length < WORTH_COMPRESSING || !acceptsGzip(request.get('Accept-Encoding'))) {
    response.send(Buffer.from(body));
    return;
  }
  response.set('Content-Encoding', 'gzip').send(gzipSync(body, GZIP));
}

/** Sends a status and a line of plain text; adds the line end. */
export function sendText(response: Response, status: number, text: string): void {
  response.status(status).set('Content-Type', 'text/plain; charset=utf-8').send(`${text}\n`);
}

/** Number of characters made and sent at a time. */
const PIECE = 16_384;

/**
 * Sends any number of lines as they are made; other requests are answered in between. If the client
 * disconnects, the iteration ends.
 *
 * @throws the error of `lines`; the client then sees a truncated answer.
 */
export async function sendLines(
  request: Request,
  response: Response,
  contentType: string,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  response.set('Content-Type', contentType);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  try {
    await pipeline(Readable.from(pieces(lines)), response);
  } catch (error) {
    // The client disconnected.
    if (errorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* pieces(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const line of lines) {
    piece += line;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
    await otherWork();
  }
  yield piece;
}
