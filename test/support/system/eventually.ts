// Waiting for what happens in its own time.

import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

/**
 * The first value that `probe` gives which is not undefined.
 *
 * @throws when there was none within `timeoutMs`, which is less than a test may take; `what` says what was
 *   waited for.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 240_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms still not: ${what}`);
    await sleep(POLL_MS);
  }
}
