// Limits on clients: connections, time and memory. A connection is in one of three stages, each with its own
// number of places (places.ts): connections that send nothing, part of a request or part of a ClientHello may
// be many but are cheap, and take no place from those being served.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { clientOf } from './client-address.ts';
import type { PacedStream } from './paced-stream.ts';
import { Places } from './places.ts';
import { Turns } from './turns.ts';

/**
 * `arriving`: not enough was received to serve it. `asking`: no complete request yet (also in a TLS
 * handshake, or idle between two requests). `answering`: the client has not received all of the answer.
 */
type Stage = 'arriving' | 'asking' | 'answering';

/** Limits on all clients together and on each request; times in ms. */
export interface ConnectionLimits {
  /** Maximum number of connections in each stage. */
  readonly places: Readonly<Record<Stage, number>>;
  /** Maximum time from a connection, or from an answer, to the next complete request. */
  readonly requestMs: number;
  /** Maximum time from a request until all of its answer was passed to the socket. */
  readonly answerMs: number;
  /** Maximum time for the client to read an answer, in addition to a time proportional to its size. */
  readonly readMs: number;
  /** Maximum number of bytes in answers that clients have not read yet, over all connections. */
  readonly maxUnreadBytes: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  // Generous, because a client that is disconnected reconnects at once and costs more than one that waits.
  // One eighth of the usual limit on open files is left for dumps and the ledger. A connection takes about 6
  // KiB while arriving, then 15 KiB, with TLS 40 KiB.
  places: { arriving: 2048, asking: 768, answering: 768 },
  requestMs: 10_000,
  answerMs: 30_000,
  readMs: 5000,
  maxUnreadBytes: 8 * 2 ** 20,
};

/** Hard limit on open files that Linux sets by default (INR_OPEN_MAX). */
const USUAL_OPEN_FILES = 4096;

/**
 * Scales the limits to a process's limit on open files, so that a flood cannot prevent dumps from being
 * opened.
 */
export function connectionLimits(openFiles: number = USUAL_OPEN_FILES): ConnectionLimits {
  const { places } = CONNECTION_LIMITS;
  const scaled = (max: number): number =>
    Math.max(1, Math.floor(max * Math.min(1, openFiles / USUAL_OPEN_FILES)));
  return {
    ...CONNECTION_LIMITS,
    places: {
      arriving: scaled(places.arriving),
      asking: scaled(places.asking),
      answering: scaled(places.answering),
    },
  };
}

/** Maximum number of requests of a connection that wait for an earlier answer; with more it is closed. */
const MAX_PIPELINED = 16;
/** Minimum rate at which a client must read an answer. */
const MIN_BYTES_PER_MS = 32;
/** Maximum number of new connections accepted before the next answer; the event loop accepts one per turn. */
const MAX_ARRIVALS_FIRST = 32;
/** Interval of checking deadlines. */
const SWEEP_MS = 250;

interface Connection {
  /** The accepted socket. */
  readonly socket: Socket;
  /** The stream from which requests are parsed; undefined until enough was received. */
  stream: PacedStream | undefined;
  readonly client: string;
  stage: Stage;
  /** Time of the last change: connected, request received or answer sent; by a monotonic clock. */
  sinceMs: number;
  /** When unread bytes of its answer were first seen; undefined if there are none. */
  unreadSinceMs: number | undefined;
  /** Requests that were read but wait for an earlier answer. */
  readonly pipelined: (() => void)[];
}

/** Tracks all open connections and decides whose request is answered next. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #turns = new Turns<() => void>();
  #isAnswering = false;
  #hasArrival = false;
  /** Number of new connections accepted since the last answer. */
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

  /** Adds a newly accepted connection. */
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
    socket.on('error', () => socket.destroy()); // resets by clients are normal
    socket.once('end', () => {
      if (connection.stream === undefined) socket.destroy(); // no request will follow
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

  /** Enough was received to serve the connection; from now on it costs a parser, and TLS if configured. */
  admit(socket: Socket): void {
    const connection = this.#byStream.get(socket);
    if (connection !== undefined) this.#moveTo(connection, 'asking');
  }

  /** Sets the stream from which requests of this connection are parsed. */
  serve(socket: Socket, stream: PacedStream): void {
    const connection = this.#byStream.get(socket);
    if (connection === undefined) return;
    connection.stream = stream;
    this.#byStream.set(stream, connection);
  }

  /**
   * Answers a request when its turn comes: one answer per connection at a time, and clients take turns.
   *
   * @param answer not called if the connection has been closed by then.
   */
  request(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
    const connection = this.#byStream.get(request.socket);
    if (connection === undefined) return; // already closed; the parser had buffered bytes
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
      connection.stream?.stopReading();
      next();
    } else if (connection.pipelined.length < MAX_PIPELINED) {
      connection.pipelined.push(next);
    } else {
      this.#close(connection);
    }
  }

  /** Closes idle connections and waits for the current answers, at most `graceMs`. */
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
   * Answers one request per turn of the event loop, so that connections are accepted and requests read in
   * between. Otherwise new connections would wait until all earlier requests were answered.
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
      connection.stream?.continueReading();
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
      const worst = this.#largestUnread();
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

  #largestUnread(): Connection | undefined {
    let worst: Connection | undefined;
    for (const connection of this.#all()) {
      const largest = worst === undefined ? 0 : unreadBytesOf(worst);
      if (unreadBytesOf(connection) > largest) worst = connection;
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

  /** Takes a place in the connection's stage, if necessary from another connection. */
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
