import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import type { HostRule } from '../../src/ledger/host-name.ts';
import { hasHost, shareOf } from '../../src/ledger/share.ts';
import type { Shard } from '../../src/shard.ts';
import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

/** By sha256sum: of these hosts and three shards. */
const SHARD_OF = { host000: 0, host001: 2, host002: 1, unknown: 0 };
const SHARDS = [0, 1, 2].map((index): Shard => ({ index, count: 3 }));
const BY_PATH: HostRule = { fallback: 'unknown', pattern: /^\/dumps\/([^/]+)\// };
const BY_DUMP: HostRule = { fallback: 'unknown', pattern: undefined };

const HOSTS = Array.from({ length: 1000 }, (_, i) => `host${i}.example`);

const whoMayHave = (path: string, rule = BY_PATH): number[] =>
  SHARDS.filter((shard) => shareOf(shard, rule).mayHave(path)).map(({ index }) => index);
const whoHas = (path: string, nodename: string | null, rule = BY_PATH): number[] =>
  SHARDS.filter((shard) => shareOf(shard, rule).has(path, nodename)).map(({ index }) => index);

describe('the files of a shard', () => {
  it.each(Object.entries(SHARD_OF))('are those of %s by their path, in shard %i', (host, index) => {
    const path = `/dumps/${host}/vmcore`;
    expect([whoMayHave(path), whoHas(path, 'another')]).toEqual([[index], [index]]);
  });

  it.each(Object.entries(SHARD_OF))('are those of %s by the dump, in shard %i', (host, index) => {
    expect(whoHas('/dumps/vmcore', host)).toEqual([index]);
    expect(whoHas('/dumps/vmcore', host, BY_DUMP)).toEqual([index]);
  });

  it('may be any while nothing names the host, and are of one when nothing does', () => {
    for (const rule of [BY_PATH, BY_DUMP]) {
      expect(whoMayHave('/dumps/vmcore', rule)).toEqual([0, 1, 2]);
      expect(whoHas('/dumps/vmcore', null, rule)).toEqual([SHARD_OF.unknown]);
    }
  });
});

describe('a ledger', () => {
  const open = (directory: string, shard: Shard | undefined): ReturnType<typeof openTestLedger> =>
    openTestLedger({ directory, shard });

  /** A closed one with a crash, of that shard. */
  async function ledgerOf(shard: Shard | undefined): Promise<string> {
    const directory = tempDir();
    const ledger = await open(directory, shard);
    await recordReport(ledger, crashReport());
    await ledger.close();
    return directory;
  }

  it.each([undefined, { index: 1, count: 3 }])('opens again for the shard %o', async (shard) => {
    const ledger = await open(await ledgerOf(shard), shard);
    expect(ledger.view.crashCount()).toBe(1);
  });

  it.each([
    [undefined, { index: 0, count: 3 }, '0/1, not of 0/3'],
    [{ index: 0, count: 3 }, undefined, '0/3, not of 0/1'],
    [{ index: 0, count: 3 }, { index: 1, count: 3 }, '0/3, not of 1/3'],
    [{ index: 0, count: 3 }, { index: 0, count: 4 }, '0/3, not of 0/4'],
  ])('of the shard %o is refused for %o, and left as it is', async (was, wanted, text) => {
    const directory = await ledgerOf(was);
    await expect(open(directory, wanted)).rejects.toMatchObject({
      problem: 'other_shard',
      message: expect.stringContaining(`the ledger is of shard ${text}`) as string,
    });
    expect((await open(directory, was)).view.crashCount()).toBe(1);
  });

  it('without a crash is for any shard', async () => {
    const directory = tempDir();
    for (const shard of [undefined, ...SHARDS, undefined]) {
      await (await open(directory, shard)).close();
    }
    expect((await open(directory, SHARDS[2])).state.kind).toBe('ready');
  });
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
