// Sending an answer: its type, how it may be cached, compressed for clients that accept it.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as otherWork } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';
import { errorCode } from '../failure.ts';
import { acceptsGzip } from './negotiation.ts';

/** Below this, the headers weigh more. */
const WORTH_COMPRESSING = 1024;

/**
 * Compresses on this thread, a millisecond per 100 KiB or so: the thread pool may be stuck in a
 * hung NFS mount, and a scrape must not wait for that.
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
  response.set('Content-Encoding', 'gzip').send(gzipSync(body, { level: 3 }));
}

/** Answers with a status and plain text, to which the end of the line is added. */
export function sendText(response: Response, status: number, text: string): void {
  response.status(status).set('Content-Type', 'text/plain; charset=utf-8').send(`${text}\n`);
}

/** Characters sent, and made, at a time. */
const PIECE = 16_384;

/**
 * Sends lines as they are made, however many: other requests are answered in between. A client that
 * goes away ends it.
 *
 * @throws what making a line throws: the client sees an answer that breaks off.
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
    // The client went away.
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
