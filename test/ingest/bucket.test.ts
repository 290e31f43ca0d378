import { describe, expect, it } from 'vitest';

import { Bucket } from '../../src/ingest/bucket.ts';
import { globPattern } from '../../src/ingest/file-names.ts';

const ROOT = 's3://dumps/site1';
const NOW = Date.parse('2026-10-20T12:00:00Z');

/** A store in memory, in pages of three, and where each list of it began. */
function storeOf(...keys: string[]): {
  keys: Set<string>;
  bucket: Bucket;
  lists: (string | undefined)[];
  scanned: () => Promise<string[]>;
} {
  const stored = new Set(keys);
  const lists: (string | undefined)[] = [];
  const bucket = new Bucket(
    { root: ROOT, excluded: [globPattern('**/kdump-test-*/**')], nowMs: () => NOW },
    {
      async *list(path, { startAfter }) {
        lists.push(startAfter);
        const paths = [...stored].map((key) => `${ROOT}/${key}`).sort();
        const behind = paths.filter((one) => one.startsWith(path) && one > (startAfter ?? ''));
        for (let at = 0; at < behind.length; at += 3) {
          await Promise.resolve();
          yield behind
            .slice(at, at + 3)
            .map((one) => ({ path: one, size: 5, mtimeMs: 7, version: '"e" 5' }));
        }
      },
    },
  );
  const scanned = async (): Promise<string[]> =>
    (await bucket.scan()).files.map(({ path }) => path.slice(ROOT.length + 1));
  return { keys: stored, bucket, lists, scanned };
}

describe('a bucket', () => {
  it('has the objects that may be dumps by their names, whole as they are', async () => {
    const { bucket } = storeOf(
      'host1/vmcore',
      'host1/vmcore-dmesg.txt',
      'host1/',
      'a/kdump-test-1/x',
    );
    expect(await bucket.scan()).toEqual({
      files: [
        {
          root: ROOT,
          path: `${ROOT}/host1/vmcore`,
          size: 5,
          mtimeMs: 7,
          version: '"e" 5',
          saved: 'whole',
          isUnfinished: false,
        },
      ],
      directories: [],
      notDumps: new Set(),
      unreadable: [],
      identity: undefined,
    });
  });

  it('is listed as a whole every time where keys do not begin with a date', async () => {
    const { scanned, keys, lists } = storeOf('host1/vmcore', 'host2/vmcore');
    expect(await scanned()).toEqual(['host1/vmcore', 'host2/vmcore']);
    keys.delete('host1/vmcore');
    keys.add('host0/vmcore');
    expect(await scanned()).toEqual(['host0/vmcore', 'host2/vmcore']);
    expect(lists).toEqual([undefined, undefined]);
  });

  for (const [old, before, day, next] of [
    ['2026-09-01', '2026-10-01', '2026-10-03', '2026-10-04'],
    ['20260901', '20261001', '20261003', '20261004'],
  ] as const) {
    it(`is listed from two days before the newest where keys are like ${day}`, async () => {
      const { scanned, keys, lists } = storeOf(`${old}/a/vmcore`, `${day}-b/vmcore`);
      await scanned();
      keys.add(`${before}/late/vmcore`);
      keys.add(`${next}/c/vmcore`);
      const all = [
        `${old}/a/vmcore`,
        `${before}/late/vmcore`,
        `${day}-b/vmcore`,
        `${next}/c/vmcore`,
      ];
      expect(await scanned()).toEqual(all);
      expect(lists).toEqual([undefined, `${ROOT}/${before}`]);
      keys.delete(`${next}/c/vmcore`);
      expect(await scanned()).toEqual(all.slice(0, -1));
    });
  }

  it('is listed as a whole now and then, for what is gone', async () => {
    const { scanned, keys, lists } = storeOf('2026-09-01/vmcore', '2026-10-03/vmcore');
    await scanned();
    keys.delete('2026-09-01/vmcore');
    expect(await scanned()).toHaveLength(2);
    const whole = (): number => lists.filter((start) => start === undefined).length;
    while (whole() < 2 && lists.length < 61) await scanned();
    expect(whole()).toBe(2);
    expect(await scanned()).toEqual(['2026-10-03/vmcore']);
  });

  it.each(['2026-10-22/vmcore', '9999-99-99/vmcore', '20261003/vmcore', 'host/vmcore'])(
    'is listed as a whole while it has a key %s among the dates',
    async (key) => {
      const { scanned, keys, lists } = storeOf('2026-10-03/vmcore', key);
      await scanned();
      keys.add('2026-09-30/vmcore');
      expect(await scanned()).toContain('2026-09-30/vmcore');
      expect(lists).toEqual([undefined, undefined]);
    },
  );
});
