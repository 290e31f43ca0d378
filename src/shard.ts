// --central.shard: which of several collectors without a common database this one is.

/** One of `count` collectors, each with its own ledger. `index` starts at 0, as in a StatefulSet's pods. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

const MAX_SHARDS = 1000;

/** Parses `I/N`; undefined unless I < N <= 1000. */
export function parseShard(text: string): Shard | undefined {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || count === undefined) return undefined;
  return index < count && count <= MAX_SHARDS ? { index, count } : undefined;
}

/** Returns `I/N`, the form that parseShard() accepts. */
export function shardText({ index, count }: Shard): string {
  return `${index}/${count}`;
}
