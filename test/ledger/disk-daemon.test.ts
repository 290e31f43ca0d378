// The daemon whose ledger's disk is full or read-only while dumps arrive.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { type Daemon, pause, startDaemon } from '../support/daemon/running-daemon.ts';
import { mayMount } from '../support/system/mounts.ts';
import { smallDisk } from '../support/system/small-disk.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const TEMPLATE = readFileSync(fixture('x86_64-7.3.4.elf'));
const PCI = 'hwerr_recoverable_errors_total{category="pci"}';

/** A dump with 7 errors of category pci. */
function addDump(directory: string, boot: number): void {
  mkdirSync(join(directory, `${boot}`));
  writeFileSync(join(directory, `${boot}`, 'vmcore'), crashDump(TEMPLATE, { boot }));
}

function start(ledger: string, dumps: string): Promise<Daemon> {
  return startDaemon(['--ledger.path', ledger, '--kdump.settle', '100ms'], dumps);
}

async function ready(daemon: Daemon): Promise<number> {
  return (await fetch(`${daemon.url}/-/ready`)).status;
}

/** Whether the daemon says, in every way it has, that its ledger is so. */
async function isIn(daemon: Daemon, state: string): Promise<void> {
  const series = `hwerr_ledger_state{state="${state}"}`;
  await daemon.until((scrape) => scrape.get(series) === 1);
}

describe.skipIf(!mayMount())('on a disk of its own [needs mount]', () => {
  it('a disk that fills up: shows what is durable, says so, and counts the rest when there is room', async () => {
    const disk = smallDisk();
    const [ledger, dumps] = [join(disk.path, 'ledger'), tempDir()];
    const daemon = await start(ledger, dumps);
    addDump(dumps, 1);
    await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === 1);
    await daemon.until((scrape) => scrape.get('hwerr_ledger_state{state="ready"}') === 1);
    expect(await ready(daemon)).toBe(200);
    disk.fill();
    for (const boot of [2, 3, 4]) addDump(dumps, boot);
    await isIn(daemon, 'full');
    for (let i = 0; i < 10; i++) {
      const scrape = await daemon.scrape();
      expect([scrape.get('hwerr_crashes_total'), scrape.get(PCI)]).toEqual([1, 7]);
      expect(await ready(daemon)).toBe(503);
      await pause(100);
    }
    expect(await daemon.value('hwerr_ledger_write_failures_total')).toBeGreaterThan(0);
    await daemon.logged(/level=error msg="ledger cannot be written" problem=full/);
    // Killed now, it knows no less and no more afterwards.
    await daemon.stop('SIGKILL');
    const second = await start(ledger, dumps);
    // Crashes are shown once the directories were looked at.
    const again = await second.until((scrape) => scrape.has('hwerr_crashes_total'));
    expect([again.get('hwerr_crashes_total'), again.get(PCI)]).toEqual([1, 7]);
    expect(await ready(second)).toBe(503);
    expect(await (await fetch(`${second.url}/api/v1/crashes`)).text()).toContain('dumps');
    disk.empty();
    await second.until((scrape) => scrape.get('hwerr_crashes_total') === 4);
    expect(await second.value(PCI)).toBe(28);
    await isIn(second, 'ready');
    expect(await ready(second)).toBe(200);
    expect(await second.stop()).toBe(0);
    const third = await start(ledger, dumps);
    await third.until((scrape) => scrape.get(PCI) === 28);
  });

  it('a disk without room for a ledger: it starts, and counts when there is room', async () => {
    const disk = smallDisk();
    const [ledger, dumps] = [join(disk.path, 'ledger'), tempDir()];
    disk.fill();
    addDump(dumps, 1);
    const daemon = await start(ledger, dumps);
    await isIn(daemon, 'full');
    expect(await ready(daemon)).toBe(503);
    const shown = await daemon.until((scrape) => scrape.has('hwerr_crashes_total'));
    expect(shown.get('hwerr_crashes_total')).toBe(0);
    disk.empty();
    await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === 1);
    await isIn(daemon, 'ready');
  });

  it('a disk that stays full does not keep the daemon from ending', async () => {
    const disk = smallDisk();
    const dumps = tempDir();
    disk.fill();
    const daemon = await start(join(disk.path, 'ledger'), dumps);
    for (const boot of [1, 2, 3]) addDump(dumps, boot);
    await daemon.logged(/msg="dump decoded"/);
    expect(await daemon.stop()).toBe(0);
  });

  it('a file system that becomes read-only, and writable again', async () => {
    const disk = smallDisk();
    const [ledger, dumps] = [join(disk.path, 'ledger'), tempDir()];
    mkdirSync(ledger);
    const writable = disk.bindReadOnly('ledger');
    const daemon = await start(ledger, dumps);
    await isIn(daemon, 'read_only');
    await daemon.until((scrape) => scrape.has('hwerr_crashes_total'));
    addDump(dumps, 1);
    await daemon.logged(/msg="dump decoded"/);
    expect(await daemon.value('hwerr_crashes_total')).toBe(0);
    expect(await ready(daemon)).toBe(503);
    writable.undo();
    await daemon.until((scrape) => scrape.get('hwerr_crashes_total') === 1);
    await isIn(daemon, 'ready');
    expect(await ready(daemon)).toBe(200);
  });
});
