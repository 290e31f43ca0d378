import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { hasHost, parseShard, shardText } from '../src/shard.ts';

const HOSTS = Array.from({ length: 1000 }, (_, i) => `host${i}.example`);

describe('I/N', () => {
  it.each(['0/1', '0/3', '2/3', '999/1000'])('takes %s', (text) => {
    expect(shardText(parseShard(text)!)).toBe(text);
  });

  it.each(['', '3/3', '1/1', '0/0', '1', '1/', '/3', '-1/3', '1.5/3', '1/3 ', '0/1001', 'a/b'])(
    'does not take %j',
    (text) => {
      expect(parseShard(text)).toBeUndefined();
    },
  );
});

describe('a host', () => {
  it.each([1, 2, 3, 7, 1000])('falls to one of %i shards', (count) => {
    const shards = Array.from({ length: count }, (_, index) => ({ index, count }));
    for (const host of ['', 'unknown', ...HOSTS.slice(0, 50)]) {
      expect(shards.filter((shard) => hasHost(shard, host))).toHaveLength(1);
    }
  });

  it('falls to each of them about as often', () => {
    for (let index = 0; index < 4; index++) {
      const share = HOSTS.filter((host) => hasHost({ index, count: 4 }, host)).length;
      expect(share).toBeGreaterThan(200);
      expect(share).toBeLessThan(300);
    }
  });

  it('falls to the one that the documentation says, in every version', () => {
    for (const host of ['unknown', 'höst', ...HOSTS.slice(0, 10)]) {
      const digest = execFileSync('sha256sum', { input: host, encoding: 'utf8' });
      const index = Number(BigInt(`0x${digest.slice(0, 8)}`) % 3n);
      expect(hasHost({ index, count: 3 }, host)).toBe(true);
    }
  });
});
