// Which files a collector counts, of those that it sees: the ones of hosts that fall to its shard. A file
// that names no host is of the host `unknown`, so that one collector tells of it.

import type { Shard } from '../shard.ts';
import { type HostRule, hostOf, pathHost } from './host-name.ts';
import { sha256 } from './identity.ts';

/** The files of one collector. */
export interface Share {
  /** Whether a file may be one of them, by its path. */
  mayHave(path: string): boolean;
  /** Whether it is, by what the dump says of its host; null: it does not say. */
  has(path: string, nodename: string | null): boolean;
}

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
 * Whether the host falls to the shard: by the first 32 bits of the SHA-256 of its name, modulo the number
 * of shards. Another rule, in another version, would count hosts twice.
 */
export function hasHost({ index, count }: Shard, host: string): boolean {
  return Number.parseInt(sha256(host).slice(0, 8), 16) % count === index;
}
