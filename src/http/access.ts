// Who may ask, and how often: HTTP basic authentication and a rate limit, by the web configuration
// of the moment, as exporter-toolkit has them.

import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { RateLimit, WebConfig } from '../webconfig/web-config.ts';
import { type Asker, Passwords } from './passwords.ts';
import { sendText } from './response.ts';

/**
 * Sets the configured headers on every answer, and answers 401 and 429 as configured. Only requests of
 * users count for the rate limit, where there are users: strangers cannot use it up.
 */
export function accessControl(
  current: () => WebConfig,
  askerOf: (request: Request) => Asker,
  nowMs: () => number,
): RequestHandler {
  const limiter = new TokenBucket(nowMs);
  const passwords = new Passwords();
  return async (request: Request, response: Response, next: NextFunction) => {
    const { headers, users, rateLimit } = current();
    response.set(headers);
    const { authorization } = request.headers;
    if (users.size > 0 && !(await passwords.isRight(users, authorization, askerOf(request)))) {
      response.set('WWW-Authenticate', 'Basic realm="hwerr-exporter"');
      sendText(response, 401, 'Unauthorized');
    } else if (rateLimit !== undefined && !limiter.take(rateLimit)) {
      sendText(response, 429, 'Too Many Requests');
    } else {
      next();
    }
  };
}

/** A burst of requests, and one more each interval; a burst of 0 lets none through, as in Go. */
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
