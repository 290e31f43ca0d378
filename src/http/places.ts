// Places, of which there are so many, and who has them. When all are taken, a newcomer gets the place that
// the client with the most of them has had longest: neither can one client keep out all others, nor a
// flood from a client's own address take its place before as many have come after it.

/** Something that belongs to a client. */
interface Belonging {
  readonly client: string;
}

/** A fixed number of places. */
export class Places<T extends Belonging> {
  readonly #most: number;
  /** Oldest first. */
  readonly #byClient = new Map<string, Set<T>>();
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns who has lost the place that this one takes; undefined: one was free. */
  take(one: T): T | undefined {
    const loser = this.#taken < this.#most ? undefined : this.#oldestOfMost();
    if (loser !== undefined) this.leave(loser);
    const own = this.#byClient.get(one.client) ?? new Set();
    this.#byClient.set(one.client, own.add(one));
    this.#taken++;
    return loser;
  }

  leave(one: T): void {
    const own = this.#byClient.get(one.client);
    if (own?.delete(one) !== true) return;
    this.#taken--;
    if (own.size === 0) this.#byClient.delete(one.client);
  }

  #oldestOfMost(): T | undefined {
    let most: ReadonlySet<T> = new Set();
    for (const own of this.#byClient.values()) if (own.size > most.size) most = own;
    const [oldest] = most;
    return oldest;
  }
}
