// Buckets: turns s3://BUCKET/KEY into a presigned URL, which is then read like any other, and lists the objects
// of a prefix. Endpoint, region, profile and credentials come from where AWS's own tools take them.

import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { FileError, messageOf } from '../../failure.ts';
import { Connections, trustSystem } from './http-object.ts';

/** How much longer a URL is valid than it is used. */
const SPARE_SECONDS = 60;
/** Maximum time to connect, and without a byte. */
const STALL_MS = 10_000;

/** An object in a bucket listing: size in bytes, mtime in ms since 1970. */
export interface StoredObject {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** In the form of HttpObject.version. */
  readonly version: string;
}

/** The store that the environment configures: AWS's, or another one with the S3 API. */
export class S3Store {
  readonly #client: S3Client;

  constructor(environment: NodeJS.ProcessEnv) {
    const endpoint = environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'];
    // A private store often has a certificate of a private CA.
    if (endpoint !== undefined) trustSystem();
    const connections = new Connections();
    this.#client = new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: STALL_MS,
        requestTimeout: STALL_MS,
        httpAgent: connections.http,
        httpsAgent: connections.https,
      },
      // Other stores have one host name for all buckets, and often a certificate for that name only.
      forcePathStyle: endpoint !== undefined,
    });
  }

  /**
   * Returns a presigned URL of an object.
   *
   * @param timeoutMs how long it will be used.
   * @throws FileError `permission` without credentials, `io` if the path names no object or cannot be signed.
   */
  async presigned(path: string, timeoutMs: number): Promise<URL> {
    const { bucket, key } = partsOf(path);
    if (key === '') throw new FileError('io', `${path}: want s3://BUCKET/KEY`);
    try {
      const command = new GetObjectCommand({ Bucket: bucket, Key: key });
      const expiresIn = Math.ceil(timeoutMs / 1000) + SPARE_SECONDS;
      return new URL(await getSignedUrl(this.#client, command, { expiresIn }));
    } catch (error) {
      throw storeError(path, error);
    }
  }

  /**
   * Lists the objects whose paths begin with `path`, in the order of their keys, a page at a time.
   *
   * @param startAfter begin after this path.
   * @param delimiter leave out objects with this character after the prefix.
   * @throws FileError if they cannot be listed.
   */
  async *list(
    path: string,
    { startAfter, delimiter }: { readonly startAfter?: string; readonly delimiter?: string } = {},
  ): AsyncGenerator<readonly StoredObject[]> {
    const { bucket, key } = partsOf(path);
    const options = {
      Bucket: bucket,
      Prefix: key,
      ...(startAfter === undefined ? {} : { StartAfter: partsOf(startAfter).key }),
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
    };
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({ ...options, ContinuationToken: token });
      const page = await this.#client.send(command).catch((error: unknown) => {
        throw storeError(path, error);
      });
      yield (page.Contents ?? []).map(({ Key = '', Size = 0, ETag = '', LastModified }) => ({
        path: `s3://${bucket}/${Key}`,
        size: Size,
        mtimeMs: LastModified?.getTime() ?? 0,
        version: `${ETag} ${Size}`,
      }));
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }
}

/** @throws FileError `io` if the path names no bucket. */
function partsOf(path: string): { readonly bucket: string; readonly key: string } {
  const [, bucket, key = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/is.exec(path) ?? [];
  if (bucket === undefined) throw new FileError('io', `${path}: want s3://BUCKET/KEY`);
  return { bucket, key };
}

function storeError(path: string, cause: unknown): FileError {
  const name = cause instanceof Error ? cause.name : '';
  const isRefused = name === 'CredentialsProviderError' || REFUSED.has(statusOf(cause));
  const reason = isRefused ? 'permission' : 'io';
  return new FileError(reason, `${path}: ${name}: ${messageOf(cause)}`, undefined, cause);
}

const REFUSED: ReadonlySet<unknown> = new Set([401, 403]);

/** Returns the HTTP status in an error of the SDK. */
function statusOf(error: unknown): unknown {
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: unknown } };
  return $metadata?.httpStatusCode;
}
