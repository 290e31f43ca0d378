// Limits on clients: connections, time and memory. When there are too many connections, the address
// that has most gives up one: of those that never sent a byte the oldest, then of those that never sent
// a whole request, then an idle one, then one whose answer is not read. A few of each are spared, or else
// the first word of a client would come too late where all others have said theirs.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { clientOf } from './client-address.ts';
import type { PacedStream } from './paced-stream.ts';
import { Turns } from './turns.ts';

/** Limits on all clients together and on each request; times in ms. */
export interface ConnectionLimits {
  readonly maxConnections: number;
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
  maxConnections: 512,
  requestMs: 10_000,
  answerMs: 30_000,
  readMs: 5000,
  maxUnreadBytes: 8 * 2 ** 20,
};

/** Requests of one connection that wait for the answer before theirs; with more it is closed. */
const MAX_PIPELINED = 16;
/** A client that reads an answer more slowly than this is cut off. */
const MIN_BYTES_PER_MS = 32;
/** An answer waits for as many new connections at most: the event loop accepts one in each turn. */
const MAX_ARRIVALS_FIRST = 32;
/** Deadlines are looked at this often. */
const SWEEP_MS = 250;

/** This share of the places is left to each stage, as long as another has more. */
const SPARED_SHARE = 1 / 8;

/** In the order in which they are given up. */
const STAGES = ['silent', 'talking', 'idle', 'answering'] as const;
type Stage = (typeof STAGES)[number];

interface Connection {
  /** What was accepted. */
  readonly socket: Socket;
  /** What requests are read from; undefined before it is known whether there will be any. */
  stream: PacedStream | undefined;
  readonly client: string;
  stage: Stage;
  /** When it came into its stage, by a clock that is never set. */
  sinceMs: number;
  /** When its answer was first seen to lie unread; undefined: nothing does. */
  unreadSinceMs: number | undefined;
  /** Requests that were read, but wait for the answer before theirs. */
  readonly pipelined: (() => void)[];
}

/** The connections of one client, oldest first in every stage. */
type Group = Readonly<Record<Stage, Set<Connection>>>;

/** Every open connection, and whose request is answered next. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #turns = new Turns<() => void>();
  #isAnswering = false;
  #hasArrival = false;
  /** New connections that the next answer waited for. */
  #arrivalsFirst = 0;
  readonly #groups = new Map<string, Group>();
  readonly #byStream = new Map<Duplex, Connection>();
  #count = 0;
  #sweep: NodeJS.Timeout | undefined;
  #draining = false;
  #whenEmpty: (() => void) | undefined;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Takes in a connection that was just accepted. */
  add(socket: Socket): void {
    if (this.#draining) {
      socket.destroy();
      return;
    }
    if (this.#count >= this.#limits.maxConnections) this.#evict();
    const client = clientOf(socket.remoteAddress);
    const connection: Connection = {
      socket,
      stream: undefined,
      client,
      stage: 'silent',
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
    this.#group(client).silent.add(connection);
    this.#sweep ??= setInterval(() => {
      this.#enforceDeadlines();
    }, SWEEP_MS).unref();
  }

  /** The client sent its first bytes. */
  spoke(socket: Socket): void {
    const connection = this.#byStream.get(socket);
    if (connection?.stage === 'silent') this.#moveTo(connection, 'talking');
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
      this.#moveTo(connection, 'idle');
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

  #evict(): void {
    let most: Group | undefined;
    for (const group of this.#groups.values()) {
      if (most === undefined || sizeOf(group) > sizeOf(most)) most = group;
    }
    if (most === undefined) return;
    const spared = this.#limits.maxConnections * SPARED_SHARE;
    const stage =
      STAGES.find((stage) => most[stage].size > spared) ??
      STAGES.find((stage) => most[stage].size > 0);
    const [oldest] = stage === undefined ? [] : most[stage];
    if (oldest !== undefined) this.#close(oldest);
  }

  #close(connection: Connection): void {
    this.#remove(connection);
    connection.stream?.destroy();
    connection.socket.destroy();
  }

  #remove(connection: Connection): void {
    if (this.#byStream.get(connection.socket) !== connection) return;
    const group = this.#group(connection.client);
    group[connection.stage].delete(connection);
    if (sizeOf(group) === 0) this.#groups.delete(connection.client);
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
    const group = this.#group(connection.client);
    group[connection.stage].delete(connection);
    group[stage].add(connection);
    connection.stage = stage;
    if (stage !== 'talking') connection.sinceMs = performance.now();
  }

  #group(client: string): Group {
    const known = this.#groups.get(client);
    if (known !== undefined) return known;
    const group = {
      silent: new Set<Connection>(),
      talking: new Set<Connection>(),
      idle: new Set<Connection>(),
      answering: new Set<Connection>(),
    };
    this.#groups.set(client, group);
    return group;
  }

  #all(): Set<Connection> {
    return new Set(this.#byStream.values());
  }
}

function unreadBytesOf({ stream }: Connection): number {
  return stream?.writableLength ?? 0;
}

function sizeOf(group: Group): number {
  return STAGES.reduce((sum, stage) => sum + group[stage].size, 0);
}
