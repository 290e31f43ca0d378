// The thread that writes: one commit at a time, durable when it says so; its death is survived. strace
// makes the disk slow or broken for it: it holds up what flushes a commit, or lets it fail.

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

import { describe, expect, it } from 'vitest';

import type { Ledger } from '../../dist/ledger/ledger.js';
import { eventually } from '../support/system/eventually.ts';
import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { injectFault, mayTrace, strace } from '../support/system/injected-faults.ts';
import { tempDir } from '../support/system/temp-dir.ts';

/** What says that nobody need check it. */
const CLOSED = 'ledger.closed';
const PCI_1 = counted({ pci: [1, 1000] });

function record(ledger: Ledger, i: number): Promise<void> {
  return recordReport(ledger, crashReport({ bootId: `boot-${i}`, hwerr: PCI_1 }));
}

/** What it shows of its crashes, in each way that it has. */
function shown(ledger: Ledger): number[] {
  const { crashes, byCategory } = ledger.view.total();
  return [crashes, byCategory.get('pci')?.errors ?? 0, [...ledger.view.crashes()].length];
}

/** A ledger of one crash, and its thread. */
async function begun(
  directory: string,
  log = memoryLog().log,
): Promise<{ ledger: Ledger; thread: Worker }> {
  const started: Worker[] = [];
  const add = (worker: Worker): void => void started.push(worker);
  process.on('worker', add);
  const ledger = await openTestLedger({ directory, log });
  expect(started).toEqual([]);
  await record(ledger, 1);
  process.off('worker', add);
  expect(started).toHaveLength(1);
  return { ledger, thread: started[0]! };
}

it('asks its thread for one commit at a time, and what comes meanwhile goes along', async () => {
  const { ledger, thread } = await begun(tempDir());
  const [post, writes] = [thread.postMessage.bind(thread), ledger.writes];
  let [asked, most] = [0, 0];
  thread.postMessage = (message: unknown): void => {
    most = Math.max(most, ++asked);
    post(message);
  };
  thread.prependListener('message', () => asked--);
  await Promise.all(Array.from({ length: 100 }, (_, i) => record(ledger, i)));
  expect(most).toBe(1);
  expect(ledger.writes - writes).toBe(Math.ceil(100 / 64));
  expect(shown(ledger)).toEqual([100, 100, 100]);
});

it('gives what its thread wrote as soon as it says so, however it was read before', async () => {
  const { ledger } = await begun(tempDir());
  const over = new AbortController();
  const reading = (async () => {
    while (!over.signal.aborted) {
      expect(ledger.view.crash('none')).toBeUndefined();
      await setImmediate();
    }
  })();
  try {
    for (let i = 2; i <= 100; i++) {
      await record(ledger, i);
      const [newest] = ledger.view.crashes();
      expect(newest).toMatchObject({ sequence: i, report: { bootId: `boot-${i}` } });
      expect(shown(ledger)).toEqual([i, i, i]);
    }
  } finally {
    over.abort();
    await reading;
  }
});

/** What happens to every flush of a commit, from now on. @returns undoes it. */
function flushes(fault: string): Promise<() => Promise<void>> {
  return injectFault(process.pid, 'fsync,fdatasync', fault);
}

const ONE_SECOND = 'delay_enter=1000000';
/** strace stops a process at each of its system calls, which takes its time on a machine with much other work. */
const LONG = 'delay_enter=4000000';

strace.describe('where the disk is made slow', () => {
  describe.skipIf(!strace.missing && !mayTrace())('[needs ptrace]', () => {
    it('shows a crash when it is durable, no sooner, and goes on answering meanwhile', async () => {
      const { ledger } = await begun(tempDir());
      await flushes(LONG);
      const start = performance.now();
      let isDurable = false;
      const recorded = record(ledger, 2).then(() => (isDurable = true));
      // Blocked by the flush, it would come back here when that is over.
      for (let answers = 0; answers < 5 || performance.now() < start + 900; answers++) {
        expect(isDurable).toBe(false);
        expect(shown(ledger)).toEqual([1, 1, 1]);
        await sleep(10);
      }
      await recorded;
      expect(shown(ledger)).toEqual([2, 2, 2]);
    });

    it('is not closed before the commit that is under way, and what waits, is durable', async () => {
      const directory = tempDir();
      const { ledger } = await begun(directory);
      const undo = await flushes(ONE_SECOND);
      const start = performance.now();
      const recorded = [record(ledger, 2)];
      await sleep(300);
      recorded.push(record(ledger, 3));
      await ledger.close();
      expect(performance.now() - start).toBeGreaterThan(2000);
      await Promise.all(recorded);
      await undo();
      expect(shown(await openTestLedger({ directory }))).toEqual([3, 3, 3]);
    });

    it.each([
      ['EIO', 'io'],
      ['ENOSPC', 'full'],
      ['EDQUOT', 'full'],
      ['EROFS', 'read_only'],
    ])(
      'says that a flush failed with %s, shows nothing of it, and writes it later',
      async (errno, problem) => {
        const directory = tempDir();
        const { ledger } = await begun(directory);
        const undo = await flushes(`error=${errno}`);
        const recorded = record(ledger, 2);
        await eventually('it is known', () => ledger.state.kind === problem || undefined);
        expect(ledger.state).toMatchObject({ message: expect.stringContaining('fsync') as string });
        expect(ledger.writeFailures).toBeGreaterThan(0);
        expect(shown(ledger)).toEqual([1, 1, 1]);
        await undo();
        await recorded;
        expect([ledger.state.kind, ...shown(ledger)]).toEqual(['ready', 2, 2, 2]);
        await ledger.close();
        expect(readdirSync(directory)).not.toContain(CLOSED); // the next start checks it
        expect(shown(await openTestLedger({ directory }))).toEqual([2, 2, 2]);
      },
    );

    it('shows what was read last while the ledger cannot be read', async () => {
      const directory = tempDir();
      const { log, lines } = memoryLog();
      const { ledger } = await begun(directory, log);
      const { view } = ledger;
      const shown = (): unknown[] => [
        view.total().crashes,
        view.hostTotals('labhost')?.byCategory.get('pci')?.errors,
        view.crashCount(),
        view.hosts(),
      ];
      expect(shown()).toEqual([1, 1, 1, ['labhost']]);
      await record(ledger, 2);
      const undo = await injectFault(process.pid, 'pread64', 'error=EIO');
      expect(shown()).toEqual([1, 1, 1, ['labhost']]);
      expect(ledger.state).toMatchObject({ kind: 'io' });
      const complaints = lines.filter((line) => line.includes('ledger'));
      expect(complaints).toHaveLength(1);
      expect(complaints[0]).toMatch(/level=error msg="ledger cannot be read.*ledger\.db: /);
      expect(() => view.hostTotals('not asked for before')).toThrow('ledger.db: ');
      expect(() => view.select({ offset: 0, limit: 1 })).toThrow('ledger.db: ');
      await undo();
      expect(shown()).toEqual([2, 2, 2, ['labhost']]);
      expect(view.hostTotals('not asked for before')).toBeUndefined();
      expect(ledger.state.kind).toBe('ready');
      await ledger.close();
      expect(readdirSync(directory)).not.toContain(CLOSED); // the next start checks it
    });

    it.each([1, 5, 10, 20])(
      'is not set aside where the disk gives an error from its read %i on',
      async (read) => {
        const directory = tempDir();
        const { ledger } = await begun(directory);
        await ledger.close();
        rmSync(join(directory, CLOSED));
        const undo = await injectFault(process.pid, 'pread64', `error=EIO:when=${read}+`);
        await expect(openTestLedger({ directory })).rejects.toMatchObject({ problem: 'io' });
        await undo();
        expect(readdirSync(directory)).not.toContain(expect.stringMatching(/^damaged-/));
        expect(shown(await openTestLedger({ directory }))).toEqual([1, 1, 1]);
      },
    );

    it('counts once what its thread committed and died before it could say so', async () => {
      const directory = tempDir();
      const { ledger, thread } = await begun(directory);
      const undo = await flushes(LONG);
      const recorded = record(ledger, 2);
      await sleep(1000);
      await thread.terminate();
      await undo();
      await recorded;
      expect(ledger.writeFailures).toBe(1);
      expect([ledger.state.kind, ...shown(ledger)]).toEqual(['ready', 2, 2, 2]);
      await record(ledger, 3);
      await ledger.close();
      expect(shown(await openTestLedger({ directory }))).toEqual([3, 3, 3]);
    });
  });
});
