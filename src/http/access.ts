// Who may ask, and how often: HTTP basic authentication and a rate limit, by the web configuration
// of the moment, as exporter-toolkit has them.

import { createHash } from 'node:crypto';
import { compare } from 'bcryptjs';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { RateLimit, WebConfig } from '../webconfig/web-config.ts';

/** Good passwords remembered, so that bcrypt runs once for each, not once a scrape. */
const MAX_REMEMBERED = 100;
/** Comparisons waiting: each costs tens of milliseconds of the only thread, one after the other. */
const MAX_WAITING = 8;

/** Headers of the configuration on every answer; 429 and 401 as it says. */
export function accessControl(current: () => WebConfig, nowMs: () => number): RequestHandler {
  const limiter = new TokenBucket(nowMs);
  const passwords = new Passwords();
  return async (request: Request, response: Response, next: NextFunction) => {
    const { headers, users, rateLimit } = current();
    response.set(headers);
    if (rateLimit !== undefined && !limiter.take(rateLimit)) {
      refuse(response, 429, 'Too Many Requests');
      return;
    }
    if (users.size === 0) {
      next();
      return;
    }
    const verdict = await passwords.check(users, request.headers.authorization);
    if (verdict === 'yes') {
      next();
    } else if (verdict === 'busy') {
      refuse(response.set('Retry-After', '1'), 429, 'Too Many Requests');
    } else {
      refuse(response.set('WWW-Authenticate', 'Basic realm="hwerr-exporter"'), 401, 'Unauthorized');
    }
  };
}

function refuse(response: Response, status: number, text: string): void {
  response.status(status).type('text').send(`${text}\n`);
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

class Passwords {
  readonly #good = new Set<string>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  async check(
    users: ReadonlyMap<string, string>,
    authorization: string | undefined,
  ): Promise<'yes' | 'no' | 'busy'> {
    const given = basicCredentials(authorization);
    if (given === undefined) return 'no';
    const known = users.get(given.user);
    // An unknown user costs as much as a wrong password, so that time tells nothing.
    const hash = known ?? standIn([...users.values()]);
    const key = createHash('sha256')
      .update(JSON.stringify([given.user, hash, given.password]))
      .digest('hex');
    if (this.#good.has(key)) return 'yes';
    if (this.#waiting >= MAX_WAITING) return 'busy';
    const matches = await this.#oneAtATime(() => compare(given.password, hash));
    if (!matches || known === undefined) return 'no';
    this.#remember(key);
    return 'yes';
  }

  async #oneAtATime(run: () => Promise<boolean>): Promise<boolean> {
    this.#waiting++;
    const turn = this.#last.then(run, run);
    this.#last = turn;
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  #remember(key: string): void {
    const [oldest] = this.#good;
    if (this.#good.size >= MAX_REMEMBERED && oldest !== undefined) this.#good.delete(oldest);
    this.#good.add(key);
  }
}

function basicCredentials(
  authorization: string | undefined,
): { readonly user: string; readonly password: string } | undefined {
  const match = /^basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '');
  if (match?.[1] === undefined) return undefined;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** A hash that nothing matches on purpose, at the cost of the dearest of the real ones. */
function standIn(hashes: readonly string[]): string {
  const cost =
    hashes
      .map((hash) => hash.split('$')[2] ?? '10')
      .sort()
      .at(-1) ?? '10';
  return `$2b$${cost}$${'.'.repeat(22)}${'.'.repeat(31)}`;
}
