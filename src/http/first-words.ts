// The first bytes that a client sends, buffered until the connection can be served: the head of a request, or
// the TLS record of a ClientHello (RFC 8446 section 5.1). A client that stops half-way costs its bytes, but
// no parser and no handshake.

/** Type of a TLS record with a handshake message. */
export const HANDSHAKE = 0x16;
const RECORD_HEADER_BYTES = 5;

/** With more bytes than this the connection is served: the parser or TLS waits for the rest, or refuses it. */
export const MAX_FIRST_BYTES = 2048;

const REQUEST_LINE = /^[A-Z]+ [^\s]+ HTTP\/\d\.\d$/;
const LF = 0x0a;
/** Possible first bytes of a request; empty lines before it are skipped. */
const FIRST_BYTES = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ\r'));

/** Searches for the end of a request's head; examines each byte once, however the bytes arrive. */
export class RequestHead {
  /** Start of the incomplete line. */
  #line = 0;
  #searched = 0;
  #hasRequestLine = false;

  /**
   * Whether the head is complete, or can no longer become valid: the HTTP parser then answers that.
   *
   * @param received all bytes so far.
   */
  isWhole(received: Buffer): boolean {
    if (received.length >= MAX_FIRST_BYTES) return true;
    for (
      let end = received.indexOf(LF, this.#searched);
      end >= 0;
      end = received.indexOf(LF, this.#searched)
    ) {
      const line = received.toString('latin1', this.#line, end).replace(/\r$/, '');
      this.#searched = this.#line = end + 1;
      if (this.#hasRequestLine && line === '') return true;
      if (this.#hasRequestLine || line === '') continue;
      if (!REQUEST_LINE.test(line)) return true;
      this.#hasRequestLine = true;
    }
    this.#searched = received.length;
    const first = received[this.#line];
    return !this.#hasRequestLine && first !== undefined && !FIRST_BYTES.has(first);
  }
}

/** Whether the first TLS record is complete; also true if it is not a TLS handshake: the caller handles that. */
export function isWholeRecord(received: Buffer): boolean {
  if (received[0] !== HANDSHAKE || received.length >= MAX_FIRST_BYTES) return true;
  if (received.length < RECORD_HEADER_BYTES) return false;
  return received.length >= RECORD_HEADER_BYTES + received.readUInt16BE(3);
}
