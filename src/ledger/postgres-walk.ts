// Iteration over the crashes of a shared ledger, a few at a time.

import type { Crash } from './crash.ts';

/** Iterates over all crashes. @param next returns those after `last` (undefined: the first); empty at the end. */
export async function* eachCrash(
  next: (last: Crash | undefined) => Promise<readonly Crash[]>,
): AsyncGenerator<Crash> {
  for (let crashes = await next(undefined); crashes.length > 0;) {
    yield* crashes;
    crashes = await next(crashes.at(-1));
  }
}
