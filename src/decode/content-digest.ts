import { createHash } from 'node:crypto';
import type { ByteSource } from '../vmcore/index.ts';

const SAMPLE_BYTES = 64 * 1024;

/**
 * Distinguishes contents as far as counting failures needs: by size, head, which has the time of the
 * crash, and tail. A copy has the same, wherever it lies.
 */
export function contentDigest(source: ByteSource): string {
  const length = Math.min(SAMPLE_BYTES, source.size);
  return createHash('sha256')
    .update(`${source.size}\0`)
    .update(source.read(0, length))
    .update(source.read(source.size - length, length))
    .digest('hex');
}
