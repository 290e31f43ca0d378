// Whose request is answered next. One answer is made at a time, and between two of them new requests are
// read: a client that asks for a thousand waits for itself, another one for a single answer of its.

interface Waiting {
  readonly connection: object;
  readonly answer: () => void;
}

/** Requests that wait for their turn: clients take turns, and of one client the connection that had fewest. */
export class Turns {
  /** Of clients that wait; who was answered last is at the end. */
  readonly #clients = new Map<string, Waiting[]>();
  /** Answers that a connection had. */
  readonly #had = new WeakMap<object, number>();
  #scheduled = false;

  /** Calls `answer` when it is this connection's turn. */
  wait(client: string, connection: object, answer: () => void): void {
    const waiting = this.#clients.get(client);
    if (waiting === undefined) this.#clients.set(client, [{ connection, answer }]);
    else waiting.push({ connection, answer });
    this.#schedule();
  }

  /** The connection is closed: what it waits for is answered no more. */
  forget(client: string, connection: object): void {
    const left = this.#clients.get(client)?.filter((one) => one.connection !== connection);
    if (left?.length === 0) this.#clients.delete(client);
    else if (left !== undefined) this.#clients.set(client, left);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#next()?.();
      if (this.#clients.size > 0) this.#schedule();
    });
  }

  #next(): (() => void) | undefined {
    for (const [client, waiting] of this.#clients) {
      const best = waiting.reduce((a, b) => (this.#answers(b) < this.#answers(a) ? b : a));
      this.#had.set(best.connection, this.#answers(best) + 1);
      this.#clients.delete(client);
      const left = waiting.filter((one) => one !== best);
      if (left.length > 0) this.#clients.set(client, left);
      return best.answer;
    }
    return undefined;
  }

  #answers({ connection }: Waiting): number {
    return this.#had.get(connection) ?? 0;
  }
}
