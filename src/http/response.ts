// Sending an answer: its type, how it may be cached, compressed for whoever can read that.

import { gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';
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

export function sendText(response: Response, status: number, text: string): void {
  response.status(status).type('text').send(`${text}\n`);
}
