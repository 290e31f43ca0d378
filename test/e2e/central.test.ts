// A central store full of dumps when the daemon starts: every scrape is answered, memory stays, and the
// counters come out right. HWERR_DUMPS says how many; the 10,000 take minutes.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { crashDump, fixture } from '../support/crash-dumps.ts';
import { startDaemon, temporaryDirectory } from '../support/daemon.ts';

const DUMPS = Number(process.env['HWERR_DUMPS'] ?? 200);
const HOSTS = Math.ceil(DUMPS / 20);
const SLOWEST_SCRAPE_MS = 5000;
const MOST_MEMORY_MIB = 400;

it(
  `${DUMPS} dumps of ${HOSTS} hosts are counted while every scrape is answered`,
  async () => {
    const base = temporaryDirectory();
    const template = fixture('x86_64-7.3.4.elf');
    let errors = 0;
    for (let boot = 1; boot <= DUMPS; boot++) {
      const host = `h${String(boot % HOSTS).padStart(6, '0')}`;
      const directory = join(base, 'crash', host, `127.0.0.1-${boot}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'vmcore'), crashDump(template, { boot, host, pci: boot % 9 }));
      errors += boot % 9;
    }
    const startMs = Date.now();
    const daemon = await startDaemon([
      '--mode=central',
      `--central.max-hosts=${HOSTS - 1}`,
      `--kdump.path=${join(base, 'crash')}`,
      `--ledger.path=${join(base, 'ledger')}`,
      '--kdump.settle=100ms',
      '--log.level=info',
    ]);
    const memory: number[] = [];
    const scrapes: number[] = [];
    for (let crashes = 0; crashes < DUMPS;) {
      const beforeMs = Date.now();
      const scrape = await daemon.scrape();
      scrapes.push(Date.now() - beforeMs);
      const seen = scrape.get('hwerr_crashes_total') ?? -1;
      expect(seen).toBeGreaterThanOrEqual(crashes);
      crashes = seen;
      const status = readFileSync(`/proc/${String(daemon.child.pid)}/status`, 'utf8');
      memory.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
      await sleep(200);
    }
    const seconds = (Date.now() - startMs) / 1000;
    const last = await daemon.scrape();
    const half = memory.slice(0, Math.ceil(memory.length / 2));
    console.log(
      `${DUMPS} dumps in ${seconds.toFixed(1)} s; ${scrapes.length} scrapes, slowest ` +
        `${Math.max(...scrapes)} ms; RSS at most ${Math.max(...half).toFixed(0)} MiB in the first ` +
        `half, ${Math.max(...memory).toFixed(0)} MiB in all`,
    );
    expect(last.get('hwerr_recoverable_errors_total{category="pci"}')).toBe(errors);
    expect(last.get('hwerr_hosts_tracked')).toBe(HOSTS - 1);
    expect(last.get('hwerr_hosts_dropped_total')).toBe(1);
    expect(Math.max(...scrapes)).toBeLessThan(SLOWEST_SCRAPE_MS);
    expect(Math.max(...memory)).toBeLessThan(MOST_MEMORY_MIB);
    await daemon.stop();
    rmSync(base, { recursive: true });
  },
  60_000 + DUMPS * 100,
);
