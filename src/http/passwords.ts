// Passwords of HTTP basic authentication (RFC 7617), checked against bcrypt hashes in a thread of their
// own, one at a time. A password that was right once is let in at once from then on. Of the others that
// wait, those go first whose connection tried least, then the newest: guesses wait for each other.

import { createHash } from 'node:crypto';
import { Thread } from '../thread.ts';
import type { Comparison } from './password-thread.ts';
import { Turns } from './turns.ts';

const MAX_REMEMBERED = 100;
const DEFAULT_COST = 10;

/** Who asks: clients take turns, and connections of one client too. */
export interface Asker {
  readonly client: string;
}

interface Check {
  readonly comparison: Comparison;
  readonly resolve: (matches: boolean | Promise<boolean>) => void;
}

/** Checks passwords. */
export class Passwords {
  readonly #right = new Set<string>();
  readonly #waiting = new Turns<Check>();
  readonly #thread = new Thread<Comparison, boolean>(
    new URL('./password-thread.js', import.meta.url),
  );
  #isChecking = false;

  /**
   * Whether these are a user's name and password. Unknown users and wrong passwords take the same time.
   *
   * @param hashes bcrypt hashes by user name.
   * @param authorization the request's header.
   */
  async isRight(
    hashes: ReadonlyMap<string, string>,
    authorization: string | undefined,
    asker: Asker,
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
      this.#waiting.push(asker.client, asker, { comparison: { password, hash, cost }, resolve });
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
