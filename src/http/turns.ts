// The order of waiting items. Clients take turns. Within a client, the connection with the fewest turns so
// far comes first, so that a connection with a thousand requests only delays itself; among equals the newest
// comes first: in a flood, clients that waited long have given up, and serving the oldest first would be too
// late for everyone.

interface Waiting<T> {
  readonly client: string;
  readonly connection: object;
  readonly item: T;
}

/** A queue whose items take turns by client and connection. */
export class Turns<T> {
  /** Waiting items by client; the client that had the last turn is at the end. */
  readonly #clients = new Map<string, Waiting<T>[]>();
  /** Number of turns that a connection has had. */
  readonly #had = new WeakMap<object, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param connection whose turns are counted, as long as the object lives. */
  push(client: string, connection: object, item: T): void {
    const waiting = this.#clients.get(client) ?? [];
    waiting.push({ client, connection, item });
    this.#clients.set(client, waiting);
    this.#size++;
  }

  /** Removes and returns the next item; undefined if none waits. */
  next(): T | undefined {
    for (const waiting of this.#clients.values()) {
      const [first, ...rest] = waiting.toReversed();
      if (first === undefined) continue;
      const best = rest.reduce((a, b) => (this.#turnsOf(b) < this.#turnsOf(a) ? b : a), first);
      this.#had.set(best.connection, this.#turnsOf(best) + 1);
      this.#keep(
        best.client,
        waiting.filter((one) => one !== best),
      );
      return best.item;
    }
    return undefined;
  }

  /** Removes the items of a connection that was closed. */
  forget(client: string, connection: object): void {
    const waiting = this.#clients.get(client);
    if (waiting === undefined) return;
    const left = waiting.filter((one) => one.connection !== connection);
    if (left.length < waiting.length) this.#keep(client, left);
  }

  /** Moves the client, with its remaining items, to the end. */
  #keep(client: string, left: Waiting<T>[]): void {
    this.#size += left.length - (this.#clients.get(client)?.length ?? 0);
    this.#clients.delete(client);
    if (left.length > 0) this.#clients.set(client, left);
  }

  #turnsOf({ connection }: Waiting<T>): number {
    return this.#had.get(connection) ?? 0;
  }
}
