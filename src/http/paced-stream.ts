// A connection as the HTTP parser sees it. Node's parser takes all that it is given, and a piece of
// 64 KiB holds two thousand requests; here it gets little at a time, and nothing while an answer is under
// way. So a client that does not read its answers is not read either.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { clientOf } from './client-address.ts';

/** Room for a line or two of headers; two pieces may be on their way when the stream is held. */
const PIECE_BYTES = 128;

/** Reads from and writes to a connection; `hold` stops reading, `release` goes on. */
export class PacedStream extends Duplex {
  /** Who is at the other end. */
  readonly client: string;
  readonly #source: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #held = false;
  #wanted = false;

  /** @param source a connection, or TLS over one, that nothing was read from. */
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

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
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
    while (this.#wanted && !this.#held) {
      if (this.#received.length === 0) {
        if (this.#ended) this.push(null);
        else this.#source.resume();
        return;
      }
      const piece = this.#received.subarray(0, PIECE_BYTES);
      this.#received = this.#received.subarray(PIECE_BYTES);
      this.#wanted = false; // push may ask for more at once
      this.push(piece);
    }
  }
}
