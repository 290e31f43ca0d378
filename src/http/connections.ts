// Limits on clients: connections, time and memory. A connection is in one of three stages, each of which
// has places of its own (places.ts): connections that say nothing, half a request or half a ClientHello
// are many and cheap, and take no place from those that are served.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { clientOf } from './client-address.ts';
import type { PacedStream } from './paced-stream.ts';
import { Places } from './places.ts';
import { Turns } from './turns.ts';

/**
 * A connection is arriving until what it says can be served, asking until a request is whole (in a TLS
 * handshake, or idle between two requests), answering until the answer is with the client.
 */
type Stage = 'arriving' | 'asking' | 'answering';

/** Limits on all clients together and on each request; times in ms. */
export interface ConnectionLimits {
  /** Connections in each stage. */
  readonly places: Readonly<Record<Stage, number>>;
  /** Longest time from a connection, or from an answer, to the next whole request. */
  readonly requestMs: number;
  /** Longest time from a request until all of its answer was handed to the socket. */
  readonly answerMs: number;
  /** Longest time for the client to read an answer, besides what its size allows. */
  readonly readMs: number;
  /** Bytes of all answers that clients did not read yet. */
  readonly maxUnreadBytes: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  // Plenty: whoever is sent away comes back at once and costs more than one who waits. But an eighth of the
  // usual open files is left for dumps and the ledger. Each takes some 6 KiB while it arrives, then 15, with
  // TLS 40.
  places: { arriving: 2048, asking: 768, answering: 768 },
  requestMs: 10_000,
  answerMs: 30_000,
  readMs: 5000,
  maxUnreadBytes: 8 * 2 ** 20,
};

/** What Linux grants where nothing else is set (INR_OPEN_MAX). */
const USUAL_OPEN_FILES = 4096;

/** The limits of a process that may have so many files open: a flood must not keep dumps from being opened. */
export function connectionLimits(openFiles: number = USUAL_OPEN_FILES): ConnectionLimits {
  const { places } = CONNECTION_LIMITS;
  const within = (most: number): number =>
    Math.max(1, Math.floor(most * Math.min(1, openFiles / USUAL_OPEN_FILES)));
  return {
    ...CONNECTION_LIMITS,
    places: {
      arriving: within(places.arriving),
      asking: within(places.asking),
      answering: within(places.answering),
    },
  };
}

/** Requests of one connection that wait for the answer before theirs; with more it is closed. */
const MAX_PIPELINED = 16;
/** A client that reads an answer more slowly than this is cut off. */
const MIN_BYTES_PER_MS = 32;
/** An answer waits for as many new connections at most: the event loop accepts one in each turn. */
const MAX_ARRIVALS_FIRST = 32;
/** Deadlines are looked at this often. */
const SWEEP_MS = 250;

interface Connection {
  /** What was accepted. */
  readonly socket: Socket;
  /** What requests are read from; undefined before it is known whether there will be any. */
  stream: PacedStream | undefined;
  readonly client: string;
  stage: Stage;
  /** When it came, was asked or had answered, whatever was last; by a clock that is never set. */
  sinceMs: number;
  /** When its answer was first seen to lie unread; undefined: nothing does. */
  unreadSinceMs: number | undefined;
  /** Requests that were read, but wait for the answer before theirs. */
  readonly pipelined: (() => void)[];
}

/** Every open connection, and whose request is answered next. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #turns = new Turns<() => void>();
  #isAnswering = false;
  #hasArrival = false;
  /** New connections that the next answer waited for. */
  #arrivalsFirst = 0;
  readonly #places: Readonly<Record<Stage, Places<Connection>>>;
  readonly #byStream = new Map<Duplex, Connection>();
  #count = 0;
  #sweep: NodeJS.Timeout | undefined;
  #draining = false;
  #whenEmpty: (() => void) | undefined;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    const { arriving, asking, answering } = limits.places;
    this.#places = {
      arriving: new Places(arriving),
      asking: new Places(asking),
      answering: new Places(answering),
    };
  }

  /** Takes in a connection that was just accepted. */
  add(socket: Socket): void {
    if (this.#draining) {
      socket.destroy();
      return;
    }
    const connection: Connection = {
      socket,
      stream: undefined,
      client: clientOf(socket.remoteAddress),
      stage: 'arriving',
      sinceMs: performance.now(),
      unreadSinceMs: undefined,
      pipelined: [],
    };
    socket.on('error', () => socket.destroy()); // clients reset connections every day
    socket.once('end', () => {
      if (connection.stream === undefined) socket.destroy(); // it will never ask
    });
    socket.once('close', () => {
      this.#remove(connection);
    });
    this.#count++;
    this.#hasArrival = true;
    this.#byStream.set(socket, connection);
    this.#place(connection);
    this.#sweep ??= setInterval(() => {
      this.#enforceDeadlines();
    }, SWEEP_MS).unref();
  }

  /** What was said can be served: from now on it costs a parser, and TLS if there is. */
  admit(socket: Socket): void {
    const connection = this.#byStream.get(socket);
    if (connection !== undefined) this.#moveTo(connection, 'asking');
  }

  /** From now on requests of this connection come in by a stream over it. */
  serve(socket: Socket, stream: PacedStream): void {
    const connection = this.#byStream.get(socket);
    if (connection === undefined) return;
    connection.stream = stream;
    this.#byStream.set(stream, connection);
  }

  /**
   * Answers a request when it is its turn: a connection has one answer at a time, clients take turns.
   *
   * @param answer is not called when the connection is gone by then.
   */
  request(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
    const connection = this.#byStream.get(request.socket);
    if (connection === undefined) return; // closed; the parser still had some of its bytes
    if (this.#draining) response.setHeader('Connection', 'close');
    const next = (): void => {
      response.once('close', () => {
        this.#answered(connection);
      });
      this.#turns.push(connection.client, connection, answer);
      if (!this.#isAnswering) setImmediate(this.#answerNext);
      this.#isAnswering = true;
    };
    if (connection.stage !== 'answering') {
      connection.sinceMs = performance.now();
      this.#moveTo(connection, 'answering');
      connection.stream?.hold();
      next();
    } else if (connection.pipelined.length < MAX_PIPELINED) {
      connection.pipelined.push(next);
    } else {
      this.#close(connection);
    }
  }

  /** Closes what is idle, waits for the answers under way, at most `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    for (const connection of this.#all()) {
      if (connection.stage !== 'answering') this.#close(connection);
    }
    if (this.#count === 0) return;
    const late = setTimeout(() => {
      for (const connection of this.#all()) this.#close(connection);
    }, graceMs);
    await new Promise<void>((resolve) => (this.#whenEmpty = resolve));
    clearTimeout(late);
  }

  /**
   * One at a time: between two answers new requests are read, and connections accepted. Or else, where
   * each connection asks for something, they would wait to be accepted until all before were answered.
   */
  readonly #answerNext = (): void => {
    if (this.#hasArrival && this.#arrivalsFirst < MAX_ARRIVALS_FIRST) {
      this.#arrivalsFirst++;
    } else {
      this.#arrivalsFirst = 0;
      this.#turns.next()?.();
    }
    this.#hasArrival = false;
    this.#isAnswering = this.#turns.size > 0;
    if (this.#isAnswering) setImmediate(this.#answerNext);
  };

  #answered(connection: Connection): void {
    if (connection.socket.destroyed) return;
    connection.unreadSinceMs = undefined;
    connection.sinceMs = performance.now();
    const next = connection.pipelined.shift();
    if (next !== undefined) {
      next();
    } else if (this.#draining) {
      connection.stream?.end();
    } else {
      this.#moveTo(connection, 'asking');
      connection.stream?.release();
    }
  }

  #enforceDeadlines(): void {
    const nowMs = performance.now();
    let unreadBytes = 0;
    for (const connection of this.#all()) {
      if (this.#isLate(connection, nowMs)) this.#close(connection);
      else unreadBytes += unreadBytesOf(connection);
    }
    while (unreadBytes > this.#limits.maxUnreadBytes) {
      const worst = this.#mostUnread();
      if (worst === undefined) return;
      unreadBytes -= unreadBytesOf(worst);
      this.#close(worst);
    }
  }

  #isLate(connection: Connection, nowMs: number): boolean {
    const { requestMs, answerMs, readMs } = this.#limits;
    const { stage, sinceMs } = connection;
    if (stage !== 'answering') return nowMs - sinceMs > requestMs;
    const unreadBytes = unreadBytesOf(connection);
    if (unreadBytes === 0) return nowMs - sinceMs > answerMs;
    connection.unreadSinceMs ??= nowMs;
    const allowedMs = readMs + unreadBytes / MIN_BYTES_PER_MS;
    return nowMs - connection.unreadSinceMs > allowedMs;
  }

  #mostUnread(): Connection | undefined {
    let worst: Connection | undefined;
    for (const connection of this.#all()) {
      const most = worst === undefined ? 0 : unreadBytesOf(worst);
      if (unreadBytesOf(connection) > most) worst = connection;
    }
    return worst;
  }

  #close(connection: Connection): void {
    this.#remove(connection);
    connection.stream?.destroy();
    connection.socket.destroy();
  }

  #remove(connection: Connection): void {
    if (this.#byStream.get(connection.socket) !== connection) return;
    this.#places[connection.stage].leave(connection);
    this.#byStream.delete(connection.socket);
    if (connection.stream !== undefined) this.#byStream.delete(connection.stream);
    this.#turns.forget(connection.client, connection);
    connection.pipelined.length = 0;
    this.#count--;
    if (this.#count > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
    this.#whenEmpty?.();
  }

  #moveTo(connection: Connection, stage: Stage): void {
    this.#places[connection.stage].leave(connection);
    connection.stage = stage;
    this.#place(connection);
  }

  /** Gives it a place in its stage. */
  #place(connection: Connection): void {
    const loser = this.#places[connection.stage].take(connection);
    if (loser !== undefined) this.#close(loser);
  }

  #all(): Set<Connection> {
    return new Set(this.#byStream.values());
  }
}

function unreadBytesOf({ stream }: Connection): number {
  return stream?.writableLength ?? 0;
}
