// A central store full of dumps when the daemon starts: every scrape is answered, memory stays, and the
// counters come out right. HWERR_DUMPS says how many; 10,000 take minutes.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { type Daemon, startDaemon } from '../support/daemon/running-daemon.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const DUMPS = Number(process.env['HWERR_DUMPS'] ?? 200);
const HOSTS = Math.ceil(DUMPS / 20);
const SLOWEST_SCRAPE_MS = 5000;
const MAX_MEMORY_MIB = 512;
/** Of what the first half took: memory goes with hosts, not with dumps. Few dumps are all start. */
const MAX_GROWTH = DUMPS < 5000 ? Infinity : 1.25;

function hostName(number: number): string {
  return `h${String(number).padStart(6, '0')}`;
}

async function hostsOf({ url }: Daemon): Promise<string[]> {
  const groups = (await (await fetch(`${url}/sd`)).json()) as { labels: Record<string, string> }[];
  return groups.map(({ labels }) => labels['__param_target']!);
}

it(
  `${DUMPS} dumps of ${HOSTS} hosts are counted while every scrape is answered`,
  async () => {
    const store = tempDir();
    const template = readFileSync(fixture('x86_64-7.3.4.elf'));
    const errors = new Map<string, number>();
    for (let boot = 1; boot <= DUMPS; boot++) {
      const host = hostName(boot % HOSTS);
      const directory = join(store, host, `127.0.0.1-${boot}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'vmcore'), crashDump(template, { boot, host, pci: boot % 9 }));
      errors.set(host, (errors.get(host) ?? 0) + (boot % 9));
    }
    const startMs = performance.now();
    const daemon = await startDaemon(
      ['--mode=central', `--central.max-hosts=${HOSTS - 1}`, '--kdump.settle=100ms'],
      store,
    );
    const memory: number[] = [];
    const scrapes: number[] = [];
    const timed = async (path?: string): Promise<ReadonlyMap<string, number>> => {
      const beforeMs = performance.now();
      const scrape = await daemon.scrape(path);
      scrapes.push(performance.now() - beforeMs);
      return scrape;
    };
    for (let decoded = 0; decoded < DUMPS;) {
      const seen = (await timed()).get('hwerr_dumps_decoded_total') ?? -1;
      expect(seen).toBeGreaterThanOrEqual(decoded);
      decoded = seen;
      const [host] = await hostsOf(daemon);
      if (host !== undefined) await timed(`/probe?target=${host}`);
      const status = readFileSync(`/proc/${String(daemon.child.pid)}/status`, 'utf8');
      memory.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
      await sleep(200);
    }
    const seconds = (performance.now() - startMs) / 1000;
    const last = await daemon.until(
      (scrape) => scrape.get('hwerr_dumps_present{state="complete"}') === DUMPS,
    );
    const half = memory.slice(0, Math.ceil(memory.length / 2));
    console.log(
      `${DUMPS} dumps in ${seconds.toFixed(1)} s; ${scrapes.length} scrapes, slowest ` +
        `${Math.max(...scrapes).toFixed(0)} ms; RSS at most ${Math.max(...half).toFixed(0)} MiB in the ` +
        `first half, ${Math.max(...memory).toFixed(0)} MiB in all`,
    );
    const hosts = await hostsOf(daemon);
    expect(hosts).toHaveLength(HOSTS - 1);
    let crashes = 0;
    for (const host of hosts) {
      const probe = await daemon.scrape(`/probe?target=${host}`);
      const pci = probe.get('hwerr_recoverable_errors_total{category="pci"}');
      expect(pci, host).toBe(errors.get(host));
      crashes += probe.get('hwerr_crashes_total')!;
    }
    expect(crashes).toBe(DUMPS - DUMPS / HOSTS); // one host is beyond the limit
    expect(last.get('hwerr_hosts_tracked')).toBe(HOSTS - 1);
    expect(last.get('hwerr_hosts_dropped')).toBe(1);
    expect(Math.max(...scrapes)).toBeLessThan(SLOWEST_SCRAPE_MS);
    expect(Math.max(...memory)).toBeLessThan(MAX_MEMORY_MIB);
    expect(Math.max(...memory)).toBeLessThan(MAX_GROWTH * Math.max(...half));
    await daemon.stop();
    rmSync(store, { recursive: true }); // here: hooks have no time for so many
  },
  900_000 + DUMPS * 100,
);
