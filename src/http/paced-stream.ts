// A connection as the HTTP parser sees it. Node's parser takes everything that arrives, and 64 KiB can
// contain two thousand requests. This stream delivers small pieces, and none while an answer is being sent,
// so that a client that does not read its answers is not read either.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { clientOf } from './client-address.ts';

/** Enough for a line or two of headers. Up to two pieces may be delivered after stopReading(). */
const PIECE_BYTES = 128;

/** Reads from and writes to a connection; stopReading() stops delivery, continueReading() resumes it. */
export class PacedStream extends Duplex {
  /** Key of the client, from clientOf(). */
  readonly client: string;
  readonly #source: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #isStopped = false;
  #wanted = false;

  /** @param source a connection, or TLS over one, from which nothing was read. */
  constructor(source: Socket) {
    super({ readableHighWaterMark: PIECE_BYTES });
    this.client = clientOf(source.remoteAddress);
    this.#source = source;
    source.on('data', (bytes: Buffer) => {
      source.pause();
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#feed();
    });
    source.once('end', () => {
      this.#ended = true;
      this.#feed();
    });
    source.once('close', () => this.destroy());
  }

  /** Delivers nothing more to the parser until continueReading(). */
  stopReading(): void {
    this.#isStopped = true;
  }

  /** Delivers data again. */
  continueReading(): void {
    this.#isStopped = false;
    this.#feed();
  }

  override _read(): void {
    this.#wanted = true;
    this.#feed();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#source.write(bytes, done);
  }

  override _writev(
    pieces: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#source.write(Buffer.concat(pieces.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#source.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#source.destroy();
    done(error);
  }

  #feed(): void {
    while (this.#wanted && !this.#isStopped) {
      if (this.#received.length === 0) {
        if (this.#ended) this.push(null);
        else this.#source.resume();
        return;
      }
      const piece = this.#received.subarray(0, PIECE_BYTES);
      this.#received = this.#received.subarray(PIECE_BYTES);
      this.#wanted = false; // push() may call _read() at once
      this.push(piece);
    }
  }
}
