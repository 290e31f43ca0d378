// Collectors without a database, as processes: each counts the hosts that fall to its shard.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { type Daemon, startDaemon } from '../support/daemon/running-daemon.ts';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { run } from '../support/daemon/program.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const TEMPLATE = readFileSync(fixture('x86_64-7.3.4.elf'));
const PCI = 'hwerr_recoverable_errors_total{category="pci"}';
const COMPLETE = 'hwerr_dumps_present{state="complete"}';
const NO_DUMP = 'hwerr_dump_decode_failures_total{reason="not_a_dump"}';
const SHARDS = [0, 1, 2];
const HOSTS = Array.from({ length: 10 }, (_, i) => `host00${i}`);

/** Three crashes of each host, one of them twice, a dump of nobody, and what is called a dump and is none. */
function fill(store: string): void {
  for (const [i, host] of HOSTS.entries()) {
    for (const copy of [0, 1, 2, 3]) {
      const boot = 3 * i + Math.min(copy, 2) + 1;
      const directory = join(store, host, `${copy}`);
      mkdirSync(directory, { recursive: true });
      const dump = crashDump(TEMPLATE, { boot, host, pci: boot });
      writeFileSync(join(directory, 'vmcore'), dump);
    }
  }
  mkdirSync(join(store, 'stray'));
  writeFileSync(join(store, 'stray/vmcore'), 'no dump');
}

const collectors = (store: string, ...flags: string[]): Promise<Daemon[]> =>
  Promise.all(
    SHARDS.map((shard) =>
      startDaemon(
        ['--mode=central', `--central.shard=${shard}/3`, '--kdump.settle=100ms', ...flags],
        store,
      ),
    ),
  );

async function hostsOf({ url }: Daemon): Promise<string[]> {
  const groups = (await (await fetch(`${url}/sd`)).json()) as { labels: Record<string, string> }[];
  return groups.map(({ labels }) => labels['__param_target']!);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const valuesOf = async (daemons: readonly Daemon[], series: string): Promise<number[]> =>
  Promise.all(daemons.map(async (daemon) => (await daemon.value(series)) ?? NaN));

it.each([
  ['by what its dumps say', []],
  ['by its path', ['--central.host-pattern=/(host[0-9]+)/']],
])('a host is at one of three collectors, %s', async (how, flags) => {
  const store = tempDir();
  fill(store);
  const daemons = await collectors(store, ...flags);
  // What each of them found is decoded, and of all files together each is at one.
  for (const daemon of daemons) {
    await daemon.until(
      (scrape) =>
        scrape.get('hwerr_last_scan_timestamp_seconds{directory="' + store + '"}')! > 0 &&
        scrape.get('hwerr_decode_queue_length') === 0 &&
        scrape.get('hwerr_decodes_in_progress') === 0 &&
        scrape.get(COMPLETE)! > 0,
    );
  }
  for (;;) {
    const complete = sum(await valuesOf(daemons, COMPLETE));
    if (complete === 4 * HOSTS.length && sum(await valuesOf(daemons, NO_DUMP)) === 1) break;
    expect(complete).toBeLessThanOrEqual(4 * HOSTS.length);
  }
  const hosts = await Promise.all(daemons.map(hostsOf));
  expect(hosts.flat().sort()).toEqual(HOSTS);
  for (const [shard, daemon] of daemons.entries()) {
    expect(hosts[shard]!.length).toBeGreaterThan(0);
    for (const [i, host] of HOSTS.entries()) {
      const response = await fetch(`${daemon.url}/probe?target=${host}`);
      const isOurs = hosts[shard]!.includes(host);
      expect(response.status).toBe(isOurs ? 200 : 404);
      if (!isOurs) continue;
      const probe = await daemon.scrape(`/probe?target=${host}`);
      expect(probe.get('hwerr_crashes_total')).toBe(3);
      expect(probe.get(PCI)).toBe(9 * i + 6);
    }
    expect(await daemon.value(`hwerr_shard_info{shard="${shard}",shards="3"}`)).toBe(1);
    expect(await (await fetch(daemon.url)).text()).toContain(`<strong>Shard ${shard}/3.</strong>`);
    const decoded = (await daemon.value('hwerr_dumps_decoded_total'))!;
    expect(decoded).toBe(4 * hosts[shard]!.length);
    if (how === 'by its path') {
      const found = await daemon.value('hwerr_dumps_discovered_total');
      expect(found).toBe(decoded + 1); // that which names no host
    }
  }
  expect(await valuesOf(daemons, NO_DUMP)).toEqual([1, 0, 0]); // `unknown` falls to the first
});

it('one that is started for another shard says so, and leaves the ledger alone', async () => {
  const [store, ledger] = [tempDir(), tempDir()];
  fill(store);
  const flags = ['--mode=central', '--kdump.settle=100ms', `--ledger.path=${ledger}`];
  const daemon = await startDaemon([...flags, '--central.shard=0/3'], store);
  await daemon.until((scrape) => scrape.get('hwerr_hosts_tracked')! > 0);
  await daemon.stop();
  const listen = '--web.listen-address=127.0.0.1:0';
  for (const other of [['--central.shard=0/4'], []]) {
    const { code, stderr } = await run(['serve', ...flags, listen, ...other]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the ledger is of shard 0/3')]);
  }
  const again = await startDaemon([...flags, '--central.shard=0/3'], store);
  expect(await again.value('hwerr_hosts_tracked')).toBeGreaterThan(0);
});
