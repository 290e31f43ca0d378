// Which of several collectors that share no database this one is: --central.shard.

/** One of `count` collectors, each with a ledger of its own; `index` is from 0, as of a StatefulSet's pods. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

const MAX_SHARDS = 1000;

/** Of `I/N`; undefined where I is not one of the N shards. */
export function parseShard(text: string): Shard | undefined {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || count === undefined) return undefined;
  return index < count && count <= MAX_SHARDS ? { index, count } : undefined;
}

export function shardText({ index, count }: Shard): string {
  return `${index}/${count}`;
}
