// Entry of the fetch thread: answers the decoder's requests, one message each.

import { type MessagePort, workerData } from 'node:worker_threads';
import { shownPath } from '../../file-path.ts';
import { FileError, messageOf } from '../../failure.ts';
import { Connections, HttpObject, type HttpSettings, ObjectChanged } from './http-object.ts';
import { HEAD_BYTES } from './read-ahead.ts';
import type { S3Store } from './s3.ts';

/** The data that the thread is started with. */
export interface FetchThreadData {
  readonly settings: HttpSettings;
  readonly port: MessagePort;
  /** Number of answers sent; the decoder waits for it to change. */
  readonly answerCount: Int32Array;
}

export type FetchRequest =
  | { readonly kind: 'open'; readonly id: number; readonly path: string }
  /** Lists the objects beside an object of a bucket. */
  | { readonly kind: 'list'; readonly id: number; readonly path: string }
  /** `object` is the id of the request that opened the object. */
  | {
      readonly kind: 'read';
      readonly id: number;
      readonly object: number;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly kind: 'close'; readonly object: number };

export type FetchAnswer = { readonly id: number } & (
  | {
      readonly kind: 'bytes';
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly size: number;
      readonly version: string;
    }
  | { readonly kind: 'paths'; readonly paths: readonly string[] }
  | { readonly kind: 'changed' }
  | {
      readonly kind: 'failed';
      readonly reason: FileError['reason'] | 'internal';
      readonly message: string;
      readonly code: string | undefined;
    }
);

const { settings, port, answerCount } = workerData as FetchThreadData;
const objects = new Map<number, HttpObject>();
const connections = new Connections();
let store: S3Store | undefined;

port.on('message', (request: FetchRequest) => {
  if (request.kind === 'close') {
    objects.delete(request.object);
  } else {
    void answer(request);
  }
});

async function answer(request: Exclude<FetchRequest, { kind: 'close' }>): Promise<void> {
  const reply = await replyTo(request);
  port.postMessage(reply, reply.kind === 'bytes' ? [reply.bytes.buffer] : []);
  Atomics.add(answerCount, 0, 1);
  Atomics.notify(answerCount, 0);
}

async function replyTo(request: Exclude<FetchRequest, { kind: 'close' }>): Promise<FetchAnswer> {
  const { id } = request;
  try {
    if (request.kind === 'list') return { id, kind: 'paths', paths: await beside(request.path) };
    const object = request.kind === 'open' ? await open(request) : objects.get(request.object);
    if (object === undefined) throw new Error(`object ${id} is not open`);
    const { offset, length } =
      request.kind === 'open' ? { offset: 0, length: HEAD_BYTES } : request;
    const bytes = await object.read(offset, length);
    return { id, kind: 'bytes', bytes, size: object.size, version: object.version };
  } catch (error) {
    if (error instanceof ObjectChanged) return { id, kind: 'changed' };
    if (error instanceof FileError) {
      return { id, kind: 'failed', reason: error.reason, message: error.message, code: error.code };
    }
    return { id, kind: 'failed', reason: 'internal', message: messageOf(error), code: undefined };
  }
}

/** Opens the object at a path; from now on the id of the request identifies it. */
async function open({ id, path }: Extract<FetchRequest, { kind: 'open' }>): Promise<HttpObject> {
  const object = await objectAt(path);
  objects.set(id, object);
  return object;
}

async function objectAt(path: string): Promise<HttpObject> {
  const name = shownPath(path);
  if (!/^s3:/i.test(path)) {
    if (!URL.canParse(path)) throw new FileError('io', `${name}: is no URL`);
    return new HttpObject(new URL(path), name, settings, connections);
  }
  // An http:// endpoint was configured deliberately.
  const url = await (await storeOfBuckets()).presigned(path, settings.timeoutMs);
  const allowed = { ...settings, plainHttp: url.protocol === 'http:' };
  return new HttpObject(url, name, allowed, connections);
}

/** Returns the first page of the paths in the same directory as this object. */
async function beside(path: string): Promise<readonly string[]> {
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  for await (const page of (await storeOfBuckets()).list(directory, { delimiter: '/' })) {
    return page.map((object) => object.path);
  }
  return [];
}

/** Returns the store, loading its module only when it is needed. */
async function storeOfBuckets(): Promise<S3Store> {
  if (store !== undefined) return store;
  const { S3Store } = await import('./s3.ts');
  return (store ??= new S3Store(process.env));
}
