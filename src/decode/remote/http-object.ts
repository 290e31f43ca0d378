// An object behind a URL, read in ranges (RFC 9110 section 14). If-Match and a check of every response ensure
// that all ranges are of one version. Transient errors are retried until the deadline.

import { Agent as HttpAgent, type IncomingMessage, get as getHttp } from 'node:http';
import { Agent as HttpsAgent, get as getHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { FileError, errorCode, messageOf } from '../../failure.ts';

/** The time limit of an object, and the allowed schemes. */
export interface HttpSettings {
  /** Time limit for one object. */
  readonly timeoutMs: number;
  /** Also allow http:// URLs, whose content anyone on the network path can change. */
  readonly plainHttp: boolean;
}

/** The object was replaced; what was read is discarded. */
export class ObjectChanged extends Error {}

/** An error that may be gone at the next attempt. */
class Transient extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

const MAX_ATTEMPTS = 6;
const FIRST_DELAY_MS = 200;
/** Maximum wait that a server can request with Retry-After. */
const MAX_RETRY_AFTER_MS = 30_000;
const MAX_REDIRECTS = 5;
/** Maximum time without a byte. */
const STALL_MS = 10_000;
/** Maximum number of bytes read from the body of an error. */
const MAX_ERROR_BYTES = 4096;
const MAX_SOCKETS = 4;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Too many requests, and overloaded servers: S3's SlowDown is a 503. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const TRANSIENT_CODES: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

/** No CA of Node's list signed the certificate (OpenSSL's X509_V_ERR_*), but one of the system's may have. */
const UNTRUSTED_CODES: ReadonlySet<string | undefined> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Identifies the version of the object in a response. */
interface Validators {
  readonly size: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** Connections to servers, kept open for the next request. */
export class Connections {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;

  constructor() {
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS, proxyEnv: process.env };
    this.http = new HttpAgent(options);
    this.https = new HttpsAgent(options);
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }
}

/** One version of an object behind a URL; if a read finds another one, it throws ObjectChanged. */
export class HttpObject {
  readonly #connections: Connections;
  readonly #settings: HttpSettings;
  readonly #deadline: AbortSignal;
  /** Name of the object in messages. */
  readonly #name: string;
  /** The URL after the last redirect. */
  #url: URL;
  #state: Validators | undefined;
  #trustsSystem = false;

  /**
   * @param name of the object in messages, because a URL may contain credentials.
   * @throws FileError for a URL that is not allowed.
   */
  constructor(url: URL, name: string, settings: HttpSettings, connections: Connections) {
    this.#name = name;
    this.#settings = settings;
    this.#url = this.#checked(url);
    this.#deadline = AbortSignal.timeout(settings.timeoutMs);
    this.#connections = connections;
  }

  /** Size in bytes; 0 before the first read. */
  get size(): number {
    return this.#state?.size ?? 0;
  }

  /** The version of the object; known after the first read. */
  get version(): string {
    const { size, etag, lastModified } = this.#state ?? {};
    return `${etag ?? lastModified} ${size}`;
  }

  /**
   * Returns the bytes of the range, fewer at the end of the object.
   *
   * @throws FileError `timeout` after the deadline, `permission` for 401 and 403, `io` for any other error of
   *   the server or the network, with the code ENOENT if the object does not exist.
   * @throws ObjectChanged if the object is not the one of the first read.
   */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#readOnce(offset, length);
      } catch (error) {
        if (this.#deadline.aborted) throw this.#overdue();
        if (!(error instanceof Transient)) throw error;
        if (attempt === MAX_ATTEMPTS) throw this.#error('io', `${error.message}, ${attempt} times`);
        await this.#pause(Math.max(error.retryAfterMs, backoffMs(attempt)));
      }
    }
  }

  async #readOnce(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.#request(offset, length);
    try {
      return await this.#answered(response, offset, length);
    } catch (error) {
      throw error instanceof Error ? this.#networkError(error) : error;
    } finally {
      response.destroy();
    }
  }

  /** Follows redirects and returns the last response. */
  async #request(offset: number, length: number): Promise<IncomingMessage> {
    let url = this.#url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#send(url, offset, length);
      const { location } = response.headers;
      if (!REDIRECTS.has(response.statusCode ?? 0) || location === undefined) {
        this.#url = url;
        return response;
      }
      response.destroy();
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (next === undefined) throw this.#error('io', 'redirects to what is no URL');
      url = this.#checked(next, 'redirects to ');
    }
    throw this.#error('io', `more than ${MAX_REDIRECTS} redirects`);
  }

  #send(url: URL, offset: number, length: number): Promise<IncomingMessage> {
    const etag = this.#state?.etag;
    const headers = {
      'accept-encoding': 'identity',
      range: `bytes=${offset}-${offset + length - 1}`,
      // If-Match only matches strong ETags (RFC 9110 section 13.1.1).
      ...(etag?.startsWith('"') === true ? { 'if-match': etag } : {}),
    };
    const options = { headers, signal: this.#deadline, timeout: STALL_MS };
    return new Promise((resolve, reject) => {
      const request =
        url.protocol === 'https:'
          ? getHttps(url, { ...options, agent: this.#connections.https }, resolve)
          : getHttp(url, { ...options, agent: this.#connections.http }, resolve);
      request.on('timeout', () => {
        request.destroy(new Transient(`nothing came for ${STALL_MS / 1000} s`));
      });
      request.on('error', (error) => {
        reject(this.#networkError(error));
      });
    });
  }

  async #answered(
    response: IncomingMessage,
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const status = response.statusCode ?? 0;
    const range = rangeOf(response);
    if (range === undefined) throw await this.#refusal(response, status);
    if (Number.isNaN(range.size + range.length)) {
      throw this.#error(
        'io',
        `got ${status} without the size of the object, want 206 and its size`,
      );
    }
    this.#requireSameState(validatorsOf(response, range.size));
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw this.#error('io', `got content-encoding ${word(encoding)}`);
    const wanted = Math.max(0, Math.min(length, range.size - offset));
    if (range.start !== offset || range.length < wanted || range.length > length) {
      const want =
        status === 200 ? '206 Partial Content' : `bytes ${offset}-${offset + wanted - 1}`;
      const got = status === 200 ? '200 and the whole object' : 'other bytes';
      throw this.#error('io', `the server does not answer ranges: got ${got}, want ${want}`);
    }
    return bodyOf(response, wanted);
  }

  async #refusal(response: IncomingMessage, status: number): Promise<Error> {
    if (status === 412 || (status === 416 && this.#state !== undefined)) return new ObjectChanged();
    const got = `got ${status}${await detailOf(response)}`;
    if (TRANSIENT_STATUSES.has(status)) return new Transient(got, retryAfterMs(response));
    switch (status) {
      case 401:
      case 403:
        return this.#error('permission', got);
      case 404:
      case 410:
        return this.#error('io', got, 'ENOENT');
      default:
        return this.#error('io', got);
    }
  }

  /** @throws FileError if nothing identifies the version of the object, ObjectChanged if it is another one. */
  #requireSameState(state: Validators): void {
    if (state.etag === undefined && state.lastModified === undefined) {
      throw this.#error('io', 'has neither ETag nor Last-Modified: a change would not be noticed');
    }
    this.#state ??= state;
    const { size, etag, lastModified } = this.#state;
    if (state.size !== size || state.etag !== etag || state.lastModified !== lastModified) {
      throw new ObjectChanged();
    }
  }

  #checked(url: URL, what = ''): URL {
    const { plainHttp } = this.#settings;
    if (url.protocol !== 'https:' && !(plainHttp && url.protocol === 'http:')) {
      throw this.#error('io', `${what}${url.protocol}//, want https://, or --plain-http`);
    }
    if (url.username !== '' || url.password !== '') {
      throw this.#error('io', `${what}a URL with a user or a password, which is not sent`);
    }
    return url;
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#deadline });
    } catch {
      throw this.#overdue();
    }
  }

  /** Converts a network error to one of our errors; returns any other error unchanged. */
  #networkError(error: Error): Error {
    const code = errorCode(error);
    if (this.#deadline.aborted || code === undefined || error instanceof FileError) return error;
    const got = messageOf(error);
    if (UNTRUSTED_CODES.has(code) && !this.#trustsSystem) {
      this.#trustsSystem = true;
      trustSystem();
      return new Transient(got);
    }
    return TRANSIENT_CODES.has(code) ? new Transient(got) : this.#error('io', got, code);
  }

  #overdue(): FileError {
    return this.#error('timeout', `took longer than ${this.#settings.timeoutMs / 1000} s`);
  }

  #error(reason: FileError['reason'], message: string, code?: string): FileError {
    return new FileError(reason, `${this.#name}: ${message}`, code);
  }
}

/** Makes this thread trust the system's CAs too. Loading them takes longer than decoding a small dump. */
export function trustSystem(): void {
  setDefaultCACertificates([...getCACertificates('default'), ...getCACertificates('system')]);
}

interface AnsweredRange {
  readonly start: number;
  readonly length: number;
  /** Size of the object. */
  readonly size: number;
}

/** Returns the range in a response; undefined if there is none. */
function rangeOf({ statusCode, headers }: IncomingMessage): AnsweredRange | undefined {
  if (statusCode === 200) {
    const size = numberOf(headers['content-length']);
    return { start: 0, length: size, size };
  }
  const text = headers['content-range'] ?? '';
  // An empty object has no satisfiable range.
  if (statusCode === 416)
    return text === 'bytes */0' ? { start: 0, length: 0, size: 0 } : undefined;
  if (statusCode !== 206) return undefined;
  const [, start, end, size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text) ?? [];
  return {
    start: numberOf(start),
    length: numberOf(end) - numberOf(start) + 1,
    size: numberOf(size),
  };
}

/** Returns NaN, which equals no number, if the text is not a length. */
function numberOf(text: string | undefined): number {
  return /^\d{1,15}$/.test(text ?? '') ? Number(text) : NaN;
}

function validatorsOf({ headers }: IncomingMessage, size: number): Validators {
  return { size, etag: headers.etag, lastModified: headers['last-modified'] };
}

/** @throws Transient if the body is shorter or longer. */
async function bodyOf(response: IncomingMessage, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  if (length === 0) return bytes;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    if (done + chunk.length > length)
      throw new Transient(`more than the ${length} bytes of a range`);
    bytes.set(chunk, done);
    done += chunk.length;
  }
  if (done < length) throw new Transient(`${done} of the ${length} bytes of a range`);
  return bytes;
}

/** Returns what the server says about the error: the `<Code>` of S3 and Azure, and the region of the bucket. */
async function detailOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    if (text.length > MAX_ERROR_BYTES) break;
  }
  const code = /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1];
  const region = response.headers['x-amz-bucket-region'];
  const where = typeof region === 'string' ? ` (bucket in ${word(region)})` : '';
  return `${code === undefined ? '' : ` ${code}`}${where}`;
}

function word(text: string): string {
  return /^[\w-]{1,64}/.exec(text)?.[0] ?? 'of an unknown kind';
}

function retryAfterMs({ headers }: IncomingMessage): number {
  const seconds = numberOf(headers['retry-after']);
  return Number.isNaN(seconds) ? 0 : Math.min(1000 * seconds, MAX_RETRY_AFTER_MS);
}

/** Grows with each attempt; randomized, so that clients that failed together do not retry together. */
function backoffMs(attempt: number): number {
  return FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
}
