// An object behind a URL, read in ranges (RFC 9110 section 14): one state of it only, which If-Match and a
// look at every answer make sure of. What may pass is tried again until the deadline.

import { Agent as HttpAgent, type IncomingMessage, get as getHttp } from 'node:http';
import { Agent as HttpsAgent, get as getHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { FileError, errorCode, messageOf } from '../../failure.ts';

/** How long objects are read, and by which schemes. */
export interface HttpSettings {
  /** Longest time for one object. */
  readonly timeoutMs: number;
  /** Also go to http:// URLs, where anyone on the way can change what is read. */
  readonly plainHttp: boolean;
}

/** It is another object by now: what was read is worth nothing. */
export class ObjectChanged extends Error {}

/** What may be over the next time. */
class Transient extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

const MAX_ATTEMPTS = 6;
const FIRST_DELAY_MS = 200;
/** What a server may ask for with Retry-After. */
const MAX_RETRY_AFTER_MS = 30_000;
const MAX_REDIRECTS = 5;
/** Longest time without a byte. */
const STALL_MS = 10_000;
/** Bytes of an error's document that are looked at. */
const MAX_ERROR_BYTES = 4096;
const MAX_SOCKETS = 4;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Too many requests, and servers with too much to do: S3's SlowDown is a 503. */
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

/** Nobody of Node's own list vouches for a server (OpenSSL's X509_V_ERR_*): one of the system's may. */
const UNTRUSTED_CODES: ReadonlySet<string | undefined> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Which state of the object an answer is of. */
interface Validators {
  readonly size: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** Connections to servers, kept for the next request. */
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

/** One state of an object behind a URL; a read of any other throws ObjectChanged. */
export class HttpObject {
  readonly #connections: Connections;
  readonly #settings: HttpSettings;
  readonly #deadline: AbortSignal;
  /** For messages. */
  readonly #name: string;
  /** Where the last redirect led. */
  #url: URL;
  #state: Validators | undefined;
  #trustsSystem = false;

  /**
   * @param name of the object in messages: a URL may contain what gives access to it.
   * @throws FileError for a URL that is not gone to.
   */
  constructor(url: URL, name: string, settings: HttpSettings, connections: Connections) {
    this.#name = name;
    this.#settings = settings;
    this.#url = this.#checked(url);
    this.#deadline = AbortSignal.timeout(settings.timeoutMs);
    this.#connections = connections;
  }

  /** Bytes; known after the first read. */
  get size(): number {
    return this.#state?.size ?? 0;
  }

  /** Which state of the object is read; known after the first read. */
  get version(): string {
    const { size, etag, lastModified } = this.#state ?? {};
    return `${etag ?? lastModified} ${size}`;
  }

  /**
   * The bytes of the range, as far as the object goes.
   *
   * @throws FileError `timeout` after the deadline, `permission` for 401 and 403, `io` for all else that
   *   is wrong with the server or the way to it, with the code ENOENT when there is no such object.
   * @throws ObjectChanged when it is not the object of the first read.
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

  /** The answer at the end of the redirects. */
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
      // Only a strong one can match (RFC 9110 section 13.1.1).
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

  /** @throws FileError when nothing distinguishes states of the object, ObjectChanged when it is another. */
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

  /** What the network did, as one of our own errors; any other error as it is. */
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

/** From now on this thread trusts whom the system trusts. Loading that takes longer than a small dump. */
export function trustSystem(): void {
  setDefaultCACertificates([...getCACertificates('default'), ...getCACertificates('system')]);
}

interface AnsweredRange {
  readonly start: number;
  readonly length: number;
  /** Of the object. */
  readonly size: number;
}

/** The range that an answer brings; undefined when it brings none. */
function rangeOf({ statusCode, headers }: IncomingMessage): AnsweredRange | undefined {
  if (statusCode === 200) {
    const size = numberOf(headers['content-length']);
    return { start: 0, length: size, size };
  }
  const text = headers['content-range'] ?? '';
  // An empty object has no range.
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

/** NaN for what is no length: it is equal to none. */
function numberOf(text: string | undefined): number {
  return /^\d{1,15}$/.test(text ?? '') ? Number(text) : NaN;
}

function validatorsOf({ headers }: IncomingMessage, size: number): Validators {
  return { size, etag: headers.etag, lastModified: headers['last-modified'] };
}

/** @throws Transient when it ends early or goes on. */
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

/** What the server says of an error: S3 and Azure in a `<Code>`; where else the bucket is. */
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

/** Longer each time, and by chance, so that clients that failed together do not return together. */
function backoffMs(attempt: number): number {
  return FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
}
