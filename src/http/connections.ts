// Bounds on what clients can hold: how many connections, and how long each may take for the next
// request or the answer. One deadline a connection covers the TLS handshake, slow headers, bodies
// that never end, idling, and readers that never read. When there are too many, the one that has been
// without a request for longest goes, so that a new scrape always finds room.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Longest time from a connection, or from an answer, to the next whole request. */
  readonly requestMs: number;
  /** Longest time from a request to the end of its answer. */
  readonly answerMs: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  maxConnections: 512,
  requestMs: 10_000,
  answerMs: 30_000,
};

interface Connection {
  deadline: NodeJS.Timeout;
  /** Answers that are on their way. */
  busy: number;
}

export class Connections {
  readonly #limits: ConnectionLimits;
  /** Those that wait for longest come first. */
  readonly #open = new Map<Duplex, Connection>();
  /** A TLS stream, and the connection below it. */
  readonly #below = new WeakMap<Duplex, Duplex>();
  #draining = false;
  #whenEmpty: (() => void) | undefined;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Take in a new connection. @returns whether there was room for it. */
  add(socket: Duplex): boolean {
    if (this.#open.size >= this.#limits.maxConnections && !this.#evict()) {
      socket.destroy();
      return false;
    }
    socket.on('error', () => socket.destroy()); // resets are every day
    socket.once('close', () => {
      this.#remove(socket);
    });
    this.#open.set(socket, { deadline: this.#timer(socket, this.#limits.requestMs), busy: 0 });
    return true;
  }

  /** The stream that requests come in by, where it is not the connection itself. */
  wrap(connection: Duplex, stream: Duplex): void {
    this.#below.set(stream, connection);
  }

  /** A request came in whole (its headers): from now on the answer's deadline counts. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const socket = this.#below.get(request.socket) ?? request.socket;
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.busy++;
    this.#restart(socket, connection, this.#limits.answerMs);
    if (this.#draining) response.setHeader('Connection', 'close');
    response.once('close', () => {
      connection.busy--;
      if (connection.busy > 0 || !this.#open.has(socket)) return;
      if (this.#draining) socket.end();
      this.#restart(socket, connection, this.#limits.requestMs);
      this.#open.delete(socket); // to the end of the line
      this.#open.set(socket, connection);
    });
  }

  /** Let go of the idle, wait for the answers on their way, at most `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    for (const [socket, { busy }] of this.#open) if (busy === 0) socket.destroy();
    if (this.#open.size === 0) return;
    const late = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
    }, graceMs);
    await new Promise<void>((resolve) => (this.#whenEmpty = resolve));
    clearTimeout(late);
  }

  #evict(): boolean {
    for (const [socket, { busy }] of this.#open) {
      if (busy > 0) continue;
      this.#remove(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #remove(socket: Duplex): void {
    clearTimeout(this.#open.get(socket)?.deadline);
    this.#open.delete(socket);
    if (this.#open.size === 0) this.#whenEmpty?.();
  }

  #restart(socket: Duplex, connection: Connection, ms: number): void {
    clearTimeout(connection.deadline);
    connection.deadline = this.#timer(socket, ms);
  }

  #timer(socket: Duplex, ms: number): NodeJS.Timeout {
    return setTimeout(() => socket.destroy(), ms).unref();
  }
}
