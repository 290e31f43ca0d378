import { createHash } from 'node:crypto';
import type { ByteSource } from '../vmcore/index.ts';

const SAMPLE_BYTES = 64 * 1024;

/**
 * Returns a digest of size, head (which has the crash time) and tail. It distinguishes contents well enough to
 * count failures; copies have the same digest wherever they are.
 */
export function contentDigest(source: ByteSource): string {
  const length = Math.min(SAMPLE_BYTES, source.size);
  return createHash('sha256')
    .update(`${source.size}\0`)
    .update(source.read(0, length))
    .update(source.read(source.size - length, length))
    .digest('hex');
}
