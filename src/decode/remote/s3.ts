// s3://BUCKET/KEY as a URL that is signed for a while: from there on it is read as any other. Endpoint,
// region, profile and credentials are looked for where AWS's own programs look for them.

import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { FileError, messageOf } from '../../failure.ts';

/** Seconds that a URL is good for longer than it is used. */
const SPARE_SECONDS = 60;

/**
 * @param timeoutMs how long it will be used.
 * @throws FileError `permission` without credentials, `io` for what is no object or cannot be signed.
 */
export async function presigned(path: string, timeoutMs: number): Promise<URL> {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/is.exec(path) ?? [];
  if (Key === undefined) throw new FileError('io', `${path}: want s3://BUCKET/KEY`);
  try {
    const command = new GetObjectCommand({ Bucket, Key });
    const expiresIn = Math.ceil(timeoutMs / 1000) + SPARE_SECONDS;
    return new URL(await getSignedUrl(client(process.env), command, { expiresIn }));
  } catch (cause) {
    const isRefused = cause instanceof Error && cause.name === 'CredentialsProviderError';
    const reason = isRefused ? 'permission' : 'io';
    throw new FileError(reason, `${path}: ${messageOf(cause)}`, undefined, cause);
  }
}

function client(environment: NodeJS.ProcessEnv): S3Client {
  const endpoint = environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'];
  return new S3Client({
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Other stores have one name for all buckets, and often a certificate for that alone.
    forcePathStyle: endpoint !== undefined,
  });
}
