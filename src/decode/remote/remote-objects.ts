// Remote objects as sources for the decoder, which is synchronous: it sends requests to a fetch thread and
// sleeps until the answer arrives. It works in any thread.

import { Readable } from 'node:stream';
import {
  MessageChannel,
  type MessagePort,
  Worker,
  receiveMessageOnPort,
} from 'node:worker_threads';
import { FileError, messageOf } from '../../failure.ts';
import { isInBucket, shownPath } from '../../file-path.ts';
import { inRange } from '../../vmcore/index.ts';
import type { FileSource, RemoteFiles } from '../file-source.ts';
import type { FetchAnswer, FetchRequest, FetchThreadData } from './fetch-thread.ts';
import type { HttpSettings } from './http-object.ts';
import { ReadAhead } from './read-ahead.ts';

/** Size of the pieces of a stream, bytes. */
const STREAM_BYTES = 1024 * 1024;
/** Maximum delay of a timeout reported by the fetch thread, if it is alive. */
const GRACE_MS = 10_000;

/** Opens objects behind URLs for the synchronous decoder. One thread fetches for all of them. */
export class RemoteObjects implements RemoteFiles {
  readonly #settings: HttpSettings;
  readonly #answerCount = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** Answers that arrived before they were waited for. */
  readonly #answers = new Map<number, FetchAnswer>();
  #thread: { readonly worker: Worker; readonly port: MessagePort } | undefined;
  #lastId = 0;

  /** Starts nothing until the first object is opened. */
  constructor(settings: HttpSettings) {
    this.#settings = settings;
  }

  /**
   * Opens the object behind an `https:`, `http:` or `s3:` URL. Blocks the calling thread, as the reads of the
   * returned source do.
   *
   * @throws FileError if it cannot be read, with the code ENOENT if the object does not exist.
   */
  open(path: string): FileSource {
    const object = ++this.#lastId;
    this.#send({ kind: 'open', id: object, path });
    const { size, version, bytes } = bytesOf(this.#wait(object, path), path);
    let isChanged = false;
    const blocks = new ReadAhead(size, bytes, {
      ask: (offset, length) => {
        const id = ++this.#lastId;
        this.#send({ kind: 'read', id, object, offset, length });
        return id;
      },
      take: (id) =>
        bytesOf(this.#wait(id, path), path, () => {
          isChanged = true;
        }).bytes,
    });
    const read = (offset: number, length: number): Uint8Array => blocks.read(offset, length);
    return {
      size,
      version,
      currentVersion: () => (isChanged ? 'another' : version),
      read,
      contains: (offset, length) => inRange(size, offset, length),
      stream: (length = size) => Readable.from(pieces(length, read)),
      close: () => {
        this.#send({ kind: 'close', object });
      },
    };
  }

  /**
   * Returns the paths of the objects beside one in a bucket, including itself; empty if listing is not
   * permitted.
   *
   * @throws FileError if the store does not answer.
   */
  beside(path: string): readonly string[] {
    if (!isInBucket(path)) return [];
    const id = ++this.#lastId;
    this.#send({ kind: 'list', id, path });
    try {
      const answer = this.#wait(id, path);
      return answer.kind === 'paths' ? answer.paths : [];
    } catch (error) {
      if (error instanceof FileError && error.reason === 'permission') return [];
      throw error;
    }
  }

  /** Ends the fetch thread. */
  async close(): Promise<void> {
    await this.#thread?.worker.terminate();
    this.#thread = undefined;
  }

  #send(request: FetchRequest): void {
    this.#thread ??= this.#start();
    this.#thread.port.postMessage(request);
  }

  #start(): { readonly worker: Worker; readonly port: MessagePort } {
    const { port1, port2 } = new MessageChannel();
    const data: FetchThreadData = {
      settings: this.#settings,
      port: port2,
      answerCount: this.#answerCount,
    };
    const worker = startWorker(data);
    // #wait() notices its death by the timeout.
    worker.on('error', () => undefined);
    worker.unref();
    return { worker, port: port1 };
  }

  /** @throws FileError if the request fails. */
  #wait(id: number, path: string): FetchAnswer {
    const deadline = performance.now() + this.#settings.timeoutMs + GRACE_MS;
    for (;;) {
      const before = Atomics.load(this.#answerCount, 0);
      this.#receive();
      const answer = this.#answers.get(id);
      if (answer !== undefined) {
        this.#answers.delete(id);
        return succeeded(answer);
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        throw new FileError('io', `${shownPath(path)}: the thread that fetches does not answer`);
      }
      Atomics.wait(this.#answerCount, 0, before, leftMs);
    }
  }

  #receive(): void {
    const { port } = this.#thread ?? {};
    if (port === undefined) return;
    for (
      let got = receiveMessageOnPort(port);
      got !== undefined;
      got = receiveMessageOnPort(port)
    ) {
      const answer = got.message as FetchAnswer;
      this.#answers.set(answer.id, answer);
    }
  }
}

/** @throws FileError `io` if the system refuses to start a thread. */
function startWorker(data: FetchThreadData): Worker {
  try {
    const entry = new URL('./fetch-thread.js', import.meta.url);
    return new Worker(entry, { workerData: data, transferList: [data.port] });
  } catch (cause) {
    const message = `no thread can be started: ${messageOf(cause)}`;
    throw new FileError('io', message, undefined, cause);
  }
}

/** @throws FileError, or an Error for a bug in the fetch thread. */
function succeeded(answer: FetchAnswer): FetchAnswer {
  if (answer.kind !== 'failed') return answer;
  const { reason, message, code } = answer;
  throw reason === 'internal' ? new Error(message) : new FileError(reason, message, code);
}

/** @throws FileError if the object was replaced. */
function bytesOf(
  answer: FetchAnswer,
  path: string,
  onChange?: () => void,
): Extract<FetchAnswer, { kind: 'bytes' }> {
  if (answer.kind === 'bytes') return answer;
  onChange?.();
  throw new FileError('io', `${shownPath(path)}: was replaced while it was read`);
}

function* pieces(
  size: number,
  read: (offset: number, length: number) => Uint8Array,
): Generator<Uint8Array> {
  for (let at = 0; at < size; at += STREAM_BYTES) yield read(at, Math.min(STREAM_BYTES, size - at));
}
