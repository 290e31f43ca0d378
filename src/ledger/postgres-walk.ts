// A walk over the crashes of a shared ledger, a few at a time.

import type { Crash } from './crash.ts';

/** Every crash. @param next those after `last`; undefined: the first ones; none: there are no more. */
export async function* eachCrash(
  next: (last: Crash | undefined) => Promise<readonly Crash[]>,
): AsyncGenerator<Crash> {
  for (let crashes = await next(undefined); crashes.length > 0;) {
    yield* crashes;
    crashes = await next(crashes.at(-1));
  }
}
