// Selects the files that a collector counts: those of hosts in its shard. A file without a host counts as of
// the host `unknown`, so that exactly one collector reports it.

import type { Shard } from '../shard.ts';
import { type HostRule, hostOf, pathHost } from './host-name.ts';
import { sha256 } from './identity.ts';

/** The files of one collector. */
export interface Share {
  /** Whether a file may belong to the shard, by its path. */
  mayHave(path: string): boolean;
  /** Whether a file belongs to the shard, by the host name in the dump; null: the dump has none. */
  has(path: string, nodename: string | null): boolean;
}

/** Returns the files of a shard. */
export function shareOf(shard: Shard, rule: HostRule): Share {
  return {
    mayHave: (path) => {
      const host = pathHost(path, rule);
      return host === null || hasHost(shard, host);
    },
    has: (path, nodename) => hasHost(shard, hostOf(nodename, path, rule).host),
  };
}

/**
 * Whether a host belongs to the shard: the first 32 bits of the SHA-256 of its name, modulo the number of
 * shards. This must not change between versions, or hosts would be counted twice.
 */
export function hasHost({ index, count }: Shard, host: string): boolean {
  return Number.parseInt(sha256(host).slice(0, 8), 16) % count === index;
}
