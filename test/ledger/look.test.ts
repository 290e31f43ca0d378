// That a ledger which was set aside is gone is noticed by an event, and no clock; where the kernel gives no
// events, by a look now and then.

import { rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';

import type { Ledger } from '../../dist/ledger/ledger.js';
import { openTestLedger } from '../support/daemon/ledgers.ts';
import { eventually } from '../support/system/eventually.ts';
import { injectFault, mayTrace, strace } from '../support/system/injected-faults.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const LOOK_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
});

/** A ledger beside one that was set aside, and what takes that away. */
async function opened(): Promise<{ ledger: Ledger; remove: () => void }> {
  const directory = tempDir();
  const damaged = join(directory, 'damaged-before.db');
  writeFileSync(damaged, '');
  const ledger = await openTestLedger({ directory });
  expect(ledger.setAside).toBe(1);
  const remove = (): void => {
    rmSync(damaged);
  };
  return { ledger, remove };
}

it('notices that a ledger which was set aside is gone', async () => {
  const { ledger, remove } = await opened();
  remove();
  await eventually('it is noticed', () => ledger.setAside === 0 || undefined);
});

strace.describe('without events', () => {
  it.skipIf(!strace.missing && !mayTrace())('[needs ptrace] looks now and then', async () => {
    const directory = tempDir();
    await injectFault(process.pid, 'inotify_add_watch', 'error=ENOSPC');
    expect(() => watch(directory)).toThrow('ENOSPC');
    const { ledger, remove } = await opened();
    remove();
    vi.advanceTimersByTime(LOOK_MS);
    await eventually('it is noticed', () => ledger.setAside === 0 || undefined);
  });
});
