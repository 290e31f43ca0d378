// What a client says first, kept until it can be served: the head of a request, or the TLS record of a
// ClientHello (RFC 8446 section 5.1). Whoever stops half-way costs its bytes, no parser and no handshake.

/** A TLS record that holds a handshake message. */
export const HANDSHAKE = 0x16;
const RECORD_HEADER_BYTES = 5;

/** Who says more than this is served: the parser, or TLS, waits for the rest, or refuses it. */
export const MAX_FIRST_BYTES = 2048;

const REQUEST_LINE = /^[A-Z]+ [^\s]+ HTTP\/\d\.\d$/;
const LF = 0x0a;
/** A request begins so; empty lines before it are passed over. */
const FIRST_BYTES = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ\r'));

/** Looks for the end of a request's head, at every byte once, however few come at a time. */
export class RequestHead {
  /** Start of the line that has no end yet. */
  #line = 0;
  #looked = 0;
  #hasRequestLine = false;

  /**
   * Whether it is whole; or will never be one, which the HTTP parser answers.
   *
   * @param said all of it so far.
   */
  isWhole(said: Buffer): boolean {
    if (said.length >= MAX_FIRST_BYTES) return true;
    for (let end = said.indexOf(LF, this.#looked); end >= 0; end = said.indexOf(LF, this.#looked)) {
      const line = said.toString('latin1', this.#line, end).replace(/\r$/, '');
      this.#looked = this.#line = end + 1;
      if (this.#hasRequestLine && line === '') return true;
      if (this.#hasRequestLine || line === '') continue;
      if (!REQUEST_LINE.test(line)) return true;
      this.#hasRequestLine = true;
    }
    this.#looked = said.length;
    const first = said[this.#line];
    return !this.#hasRequestLine && first !== undefined && !FIRST_BYTES.has(first);
  }
}

/** Whether the first TLS record is whole; or is none, which whoever speaks TLS answers. */
export function isWholeRecord(said: Buffer): boolean {
  if (said[0] !== HANDSHAKE || said.length >= MAX_FIRST_BYTES) return true;
  if (said.length < RECORD_HEADER_BYTES) return false;
  return said.length >= RECORD_HEADER_BYTES + said.readUInt16BE(3);
}
