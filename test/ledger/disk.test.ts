// The ledger on a file system of its own that fills up, or is read-only.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import type { Ledger } from '../../dist/ledger/ledger.js';
import { asNobody } from '../support/system/as-nobody.ts';
import { eventually } from '../support/system/eventually.ts';
import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { mayMount } from '../support/system/mounts.ts';
import { smallDisk } from '../support/system/small-disk.ts';

/** So much text that some hundred of them fill a small disk. */
const BIG = { warnings: Array.from({ length: 20 }, () => 'w'.repeat(500)) };
const PCI_1 = counted({ pci: [1, 1000] });

function record(ledger: Ledger, i: number): Promise<void> {
  return recordReport(ledger, crashReport({ bootId: `boot-${i}`, hwerr: PCI_1, ...BIG }));
}

async function stateIs(ledger: Ledger, kind: Ledger['state']['kind']): Promise<void> {
  await eventually(`the ledger is ${kind}`, () => ledger.state.kind === kind || undefined);
}

describe.skipIf(!mayMount())('on a disk of its own [needs mount]', () => {
  it('shows nothing that is not durable while the disk is full', async () => {
    const disk = smallDisk();
    const directory = join(disk.path, 'ledger');
    const ledger = await openTestLedger({ directory });
    let shown = 0;
    await record(ledger, 0).then(() => shown++);
    disk.fill();
    for (let i = 1; i < 1000; i++) void record(ledger, i).then(() => shown++);
    await stateIs(ledger, 'full');
    expect(ledger.writeFailures).toBeGreaterThan(0);
    const durable = ledger.view.total().crashes;
    expect(durable).toBe(shown);
    expect(durable).toBeGreaterThan(0);
    expect(durable).toBeLessThan(1000);
    await ledger.close();
    const reopened = await openTestLedger({ directory });
    expect(reopened.view.total().crashes).toBe(durable);
    expect([...reopened.view.crashes()]).toHaveLength(durable);
  });

  it('goes on by itself when there is room again', async () => {
    const disk = smallDisk();
    const { log, lines } = memoryLog();
    const ledger = await openTestLedger({ directory: join(disk.path, 'ledger'), log });
    disk.fill();
    const all = Array.from({ length: 1000 }, (_, i) => record(ledger, i));
    await stateIs(ledger, 'full');
    disk.empty();
    disk.remount('size=100m');
    await Promise.all(all);
    expect(ledger.state.kind).toBe('ready');
    expect(ledger.view.total().crashes).toBe(1000);
    expect(ledger.view.total().byCategory.get('pci')?.errors).toBe(1000);
    expect(lines.map((line) => /level=(.*?)( problem|\n)/.exec(line)?.[1])).toEqual([
      'error msg="ledger cannot be written"',
      'info msg="ledger can be written again"',
    ]);
  });

  it('begins where there is no room for a ledger at all, and makes one later', async () => {
    const disk = smallDisk();
    const directory = join(disk.path, 'ledger');
    disk.fill();
    const ledger = await openTestLedger({ directory });
    expect(ledger.state.kind).toBe('full');
    const recorded = record(ledger, 1);
    disk.empty();
    await recorded;
    expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['ready', 1]);
    await ledger.close();
    expect((await openTestLedger({ directory })).view.total().crashes).toBe(1);
  });

  it('shows what it knows of a read-only ledger, all the time, and writes when it may', async () => {
    const disk = smallDisk();
    const directory = join(disk.path, 'ledger');
    const writer = await openTestLedger({ directory });
    for (const i of [1, 2]) await record(writer, i);
    await writer.close();
    // A socket that a killed daemon left, which cannot be removed now.
    writeFileSync(join(directory, 'daemon.sock'), '');
    disk.remount('ro');
    const ledger = await openTestLedger({ directory });
    const recorded = record(ledger, 3);
    const end = performance.now() + 2000;
    while (performance.now() < end) {
      expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['read_only', 2]);
      expect(Array.from(ledger.view.crashes(), ({ report }) => report.bootId)).toEqual([
        'boot-2',
        'boot-1',
      ]);
      await sleep(20);
    }
    disk.remount('rw');
    await recorded;
    expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['ready', 3]);
  });

  it('hides no crashes again that it showed while the first pass could not be recorded', async () => {
    const disk = smallDisk();
    const directory = join(disk.path, 'ledger');
    const writer = await openTestLedger({ directory });
    await record(writer, 0);
    await writer.close();
    disk.remount('ro');
    const ledger = await openTestLedger({ directory });
    const all = Array.from({ length: 200 }, (_, i) => record(ledger, i + 1));
    ledger.reportFirstPass('over');
    expect([ledger.state.kind, ledger.isFirstPassRecorded]).toEqual(['read_only', true]);
    disk.remount('rw');
    const counts = new Set<number>();
    await eventually('all are recorded', () => {
      expect(ledger.isFirstPassRecorded).toBe(true);
      counts.add(ledger.view.total().crashes);
      return counts.has(201) || undefined;
    });
    await Promise.all(all);
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'of somebody else is not a ledger of nothing: it is shown, or the start refused',
    async () => {
      const directory = join(tempDir(), 'ledger');
      const writer = await openTestLedger({ directory });
      await record(writer, 1);
      await writer.close();
      chmodSync(join(directory, '..'), 0o755);
      chmodSync(directory, 0o755);
      chmodSync(join(directory, 'ledger.db'), 0o644);
      await asNobody(async () => {
        const ledger = await openTestLedger({ directory });
        expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['read_only', 1]);
        await ledger.close();
      });
      chmodSync(directory, 0o700);
      await asNobody(async () => {
        await expect(openTestLedger({ directory })).rejects.toMatchObject({ problem: 'read_only' });
      });
    },
  );
});

it('writes what is pending before it closes', async () => {
  const directory = join(tempDir(), 'ledger');
  const ledger = await openTestLedger({ directory });
  await record(ledger, 1);
  const all = Array.from({ length: 100 }, (_, i) => record(ledger, i));
  await ledger.close();
  await Promise.all(all);
  expect((await openTestLedger({ directory })).view.total().crashes).toBe(100);
});
