// Whose turn is next, where many wait for one thing. Clients take turns. Of one client the connection
// that had the fewest comes first: who asks for a thousand waits for itself. Of equals the newest comes
// first: in a flood whoever waited long has given up, and the oldest first would be late for everyone.

interface Waiting<T> {
  readonly client: string;
  readonly connection: object;
  readonly item: T;
}

/** Items that wait for their turn. */
export class Turns<T> {
  /** By client; who had a turn last is at the end. */
  readonly #clients = new Map<string, Waiting<T>[]>();
  /** Turns that a connection had. */
  readonly #had = new WeakMap<object, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param connection whose turns are counted, for as long as the object lives. */
  push(client: string, connection: object, item: T): void {
    const waiting = this.#clients.get(client) ?? [];
    waiting.push({ client, connection, item });
    this.#clients.set(client, waiting);
    this.#size++;
  }

  /** Takes out the item whose turn it is; undefined: none waits. */
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

  /** The connection is closed: what it waits for has no turn. */
  forget(client: string, connection: object): void {
    const waiting = this.#clients.get(client);
    if (waiting === undefined) return;
    const left = waiting.filter((one) => one.connection !== connection);
    if (left.length < waiting.length) this.#keep(client, left);
  }

  /** The client goes to the end with what is left. */
  #keep(client: string, left: Waiting<T>[]): void {
    this.#size += left.length - (this.#clients.get(client)?.length ?? 0);
    this.#clients.delete(client);
    if (left.length > 0) this.#clients.set(client, left);
  }

  #turnsOf({ connection }: Waiting<T>): number {
    return this.#had.get(connection) ?? 0;
  }
}
