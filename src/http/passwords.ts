// Passwords of HTTP basic authentication (RFC 7617), checked one at a time against bcrypt hashes in a thread.
// A password that was correct once is accepted at once from then on. Of the waiting ones, the connection with
// the fewest attempts comes first, then the newest, so that guesses wait for each other.

import { createHash } from 'node:crypto';
import { Thread } from '../thread.ts';
import type { Comparison } from './password-thread.ts';
import { Turns } from './turns.ts';

const MAX_REMEMBERED = 100;
const DEFAULT_COST = 10;

/** The origin of a request: clients take turns, and so do the connections of a client. */
export interface Requester {
  readonly client: string;
}

interface Check {
  readonly comparison: Comparison;
  readonly resolve: (matches: boolean | Promise<boolean>) => void;
}

/** Checks passwords, and remembers correct ones. */
export class Passwords {
  readonly #right = new Set<string>();
  readonly #waiting = new Turns<Check>();
  readonly #thread = new Thread<Comparison, boolean>(
    new URL('./password-thread.js', import.meta.url),
  );
  #isChecking = false;

  /**
   * Whether the header has a user's name and password. Unknown users and wrong passwords take the same time.
   *
   * @param hashes bcrypt hashes by user name.
   * @param authorization the request's header.
   */
  async isRight(
    hashes: ReadonlyMap<string, string>,
    authorization: string | undefined,
    requester: Requester,
  ): Promise<boolean> {
    const given = basicCredentials(authorization);
    if (given === undefined) return false;
    const { user, password } = given;
    const known = hashes.get(user);
    const cost = Math.max(...[...hashes.values()].map(costOf));
    const hash = known ?? `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
    const key = createHash('sha256')
      .update(JSON.stringify([user, hash]))
      .update(password)
      .digest('hex');
    if (this.#right.has(key)) return true;
    const matches = await new Promise<boolean>((resolve) => {
      this.#waiting.push(requester.client, requester, {
        comparison: { password, hash, cost },
        resolve,
      });
      if (!this.#isChecking) void this.#check();
    });
    if (!matches || known === undefined) return false;
    this.#remember(key);
    return true;
  }

  async #check(): Promise<void> {
    this.#isChecking = true;
    for (let check = this.#waiting.next(); check; check = this.#waiting.next()) {
      const matches = this.#thread.ask(check.comparison);
      check.resolve(matches);
      await matches.catch(() => undefined); // reported to the caller
    }
    this.#isChecking = false;
  }

  #remember(key: string): void {
    const [oldest] = this.#right;
    if (this.#right.size >= MAX_REMEMBERED && oldest !== undefined) this.#right.delete(oldest);
    this.#right.add(key);
  }
}

function costOf(hash: string): number {
  return Number(hash.split('$')[2] ?? DEFAULT_COST);
}

function basicCredentials(
  authorization: string | undefined,
): { readonly user: string; readonly password: Uint8Array } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(':');
  if (colon < 0) return undefined;
  return {
    user: bytes.subarray(0, colon).toString('utf8'),
    password: new Uint8Array(bytes.subarray(colon + 1)),
  };
}
