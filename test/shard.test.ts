import { describe, expect, it } from 'vitest';

import { parseShard, shardText } from '../src/shard.ts';

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
