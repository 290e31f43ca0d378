// Access control: HTTP basic authentication and a rate limit, by the current web configuration, with the
// semantics of exporter-toolkit.

import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { RateLimit, WebConfig } from '../webconfig/web-config.ts';
import { type Requester, Passwords } from './passwords.ts';
import { sendText } from './response.ts';

/**
 * Returns middleware that sets the configured headers and answers 401 or 429 if access is refused. If users are
 * configured, only authenticated requests count for the rate limit, so that others cannot use it up.
 */
export function accessControl(
  current: () => WebConfig,
  requesterOf: (request: Request) => Requester,
  nowMs: () => number,
): RequestHandler {
  const limiter = new TokenBucket(nowMs);
  const passwords = new Passwords();
  return async (request: Request, response: Response, next: NextFunction) => {
    const { headers, users, rateLimit } = current();
    response.set(headers);
    const { authorization } = request.headers;
    if (users.size > 0 && !(await passwords.isRight(users, authorization, requesterOf(request)))) {
      response.set('WWW-Authenticate', 'Basic realm="hwerr-exporter"');
      sendText(response, 401, 'Unauthorized');
    } else if (rateLimit !== undefined && !limiter.take(rateLimit)) {
      sendText(response, 429, 'Too Many Requests');
    } else {
      next();
    }
  };
}

/** Allows a burst of requests, then one per interval; a burst of 0 allows none, as in Go. */
class TokenBucket {
  readonly #nowMs: () => number;
  #tokens: number | undefined;
  #lastMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  take({ intervalMs, burst }: RateLimit): boolean {
    const nowMs = this.#nowMs();
    const earned = Math.max(0, nowMs - this.#lastMs) / intervalMs;
    this.#tokens = Math.min(burst, (this.#tokens ?? burst) + earned);
    this.#lastMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
