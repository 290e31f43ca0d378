// kill -9 at random moments, while dumps arrive, are renamed and pruned: what a scrape showed is never
// taken back, and in the end every crash is counted once. HWERR_KILLS says how often; 20 in CI.

import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { type Scrape, startDaemon } from '../support/daemon/running-daemon.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const KILLS = Number(process.env['HWERR_KILLS'] ?? 20);
const COUNTERS = ['hwerr_crashes_total', 'hwerr_recoverable_errors_total{category="pci"}'];

it(
  `counts every crash once, and never takes back what it showed, when killed ${KILLS} times`,
  async () => {
    const base = tempDir();
    const dumps = join(base, 'crash');
    mkdirSync(dumps);
    const args = [
      `--kdump.path=${dumps}`,
      `--ledger.path=${join(base, 'ledger')}`,
      '--kdump.settle=20ms',
    ];
    const template = readFileSync(fixture('x86_64-7.3.4.elf'));
    const highest = new Map<string, number>();
    let crashes = 0;
    let errors = 0;
    const arrive = (): void => {
      crashes++;
      errors += crashes;
      const directory = join(dumps, `127.0.0.1-${crashes}`);
      mkdirSync(directory);
      const incomplete = join(directory, 'vmcore-incomplete');
      writeFileSync(incomplete, crashDump(template, { boot: crashes, pci: crashes }));
      renameSync(incomplete, join(directory, 'vmcore'));
    };
    const hasRecordedAll = (scrape: Scrape): boolean =>
      scrape.get('hwerr_crashes_total') === crashes;
    let renames = 0;
    const rename = (): void => {
      const names = readdirSync(dumps);
      const any = names[Math.floor(Math.random() * names.length)];
      if (any === undefined) return;
      renameSync(join(dumps, any), join(dumps, `127.0.0.1-moved-${++renames}`));
    };
    // Only when everything that arrived is durable.
    const prune = (): void => {
      for (const name of readdirSync(dumps).slice(4))
        rmSync(join(dumps, name), { recursive: true });
    };
    const check = (scrape: Scrape): void => {
      for (const name of COUNTERS) {
        const value = scrape.get(name);
        if (value === undefined) continue; // before the first look at the directory is recorded
        expect(value, name).toBeGreaterThanOrEqual(highest.get(name) ?? 0);
        highest.set(name, value);
      }
      expect(scrape.get('hwerr_crashes_total') ?? 0).toBeLessThanOrEqual(crashes);
    };
    const checkUntilAllIsRecorded = (scrape: Scrape): boolean => {
      check(scrape);
      return hasRecordedAll(scrape);
    };
    for (let kill = 0; kill < KILLS; kill++) {
      const daemon = await startDaemon(args);
      // Every second one is killed while it records what is new; the others perhaps while they catch up.
      if (kill % 2 === 1) {
        await daemon.until(checkUntilAllIsRecorded);
        prune();
      }
      const deadline = Date.now() + Math.random() * 500;
      while (Date.now() < deadline) {
        if (Math.random() < 0.3) arrive();
        check(await daemon.scrape());
        if (Math.random() < 0.3) rename();
        await sleep(Math.random() * 30);
      }
      await daemon.stop('SIGKILL');
    }
    arrive();
    const daemon = await startDaemon(args);
    const last = await daemon.until(checkUntilAllIsRecorded);
    expect(last.get('hwerr_recoverable_errors_total{category="pci"}')).toBe(errors);
    expect(last.get('hwerr_ledgers_set_aside')).toBe(0);
  },
  300_000 + KILLS * 15_000,
);
