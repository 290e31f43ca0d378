// A limited number of places. When all are taken, a newcomer gets the place that the client with the most
// places has had longest. So one client cannot keep all others out, and a flood from a client's own address
// takes its place only after as many connections have come after it.

/** Something that belongs to a client. */
interface Belonging {
  readonly client: string;
}

/** A fixed number of places. */
export class Places<T extends Belonging> {
  readonly #max: number;
  /** Owners of places by client, oldest first. */
  readonly #byClient = new Map<string, Set<T>>();
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Takes a place. @returns the one that lost its place for it; undefined if a place was free. */
  take(one: T): T | undefined {
    const loser = this.#taken < this.#max ? undefined : this.#oldestOfLargest();
    if (loser !== undefined) this.leave(loser);
    const own = this.#byClient.get(one.client) ?? new Set();
    this.#byClient.set(one.client, own.add(one));
    this.#taken++;
    return loser;
  }

  /** Frees a place; does nothing if it has none. */
  leave(one: T): void {
    const own = this.#byClient.get(one.client);
    if (own?.delete(one) !== true) return;
    this.#taken--;
    if (own.size === 0) this.#byClient.delete(one.client);
  }

  #oldestOfLargest(): T | undefined {
    let largest: ReadonlySet<T> = new Set();
    for (const own of this.#byClient.values()) if (own.size > largest.size) largest = own;
    const [oldest] = largest;
    return oldest;
  }
}
