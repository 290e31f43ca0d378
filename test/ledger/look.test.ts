// What others do to the ledger of a running daemon is noticed by an event, and no clock; where the kernel
// gives no events, by a look now and then.

import { execFile } from 'node:child_process';
import { readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';

import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { MAIN, run } from '../support/daemon/program.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import { eventually } from '../support/system/eventually.ts';
import { injectFault, mayTrace, strace } from '../support/system/injected-faults.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const LOOK_MS = 60_000;
/** Longer than changes are collected before the ledger is looked at. */
const SLOW_US = 2_000_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
});

it('notices a repair, and that a ledger which was set aside is gone', async () => {
  const directory = tempDir();
  writeFileSync(join(directory, 'damaged-before.db'), '');
  const ledger = await openTestLedger({ directory });
  expect(ledger.setAside).toBe(1);
  await recordReport(ledger, crashReport());
  expect(await run(['repaired', '--ledger.path', directory])).toMatchObject({ code: 0 });
  await eventually('the repair is noticed', () => ledger.view.repairs().length === 1 || undefined);
  for (const name of readdirSync(directory)) {
    if (name.startsWith('damaged-')) rmSync(join(directory, name));
  }
  await eventually('so is that', () => ledger.setAside === 0 || undefined);
});

strace.describe('on a slow disk', () => {
  it('notices a repair though its commit ends long after its last write', async () => {
    const directory = tempDir();
    const ledger = await openTestLedger({ directory });
    await recordReport(ledger, crashReport());
    const calls = 'fsync,fdatasync';
    const slow = ['-f', '-e', `trace=${calls}`, '-e', `inject=${calls}:delay_enter=${SLOW_US}`];
    const command = [process.execPath, MAIN, 'repaired', '--ledger.path', directory];
    await promisify(execFile)(strace.path, [...slow, '-o', '/dev/null', ...command]);
    await eventually(
      'the repair is noticed',
      () => ledger.view.repairs().length === 1 || undefined,
    );
  });
});

strace.describe('without events', () => {
  it.skipIf(!strace.missing && !mayTrace())('[needs ptrace] looks now and then', async () => {
    const directory = tempDir();
    await injectFault(process.pid, 'inotify_add_watch', 'error=ENOSPC');
    expect(() => watch(directory)).toThrow('ENOSPC');
    const ledger = await openTestLedger({ directory });
    await recordReport(ledger, crashReport());
    expect(await run(['repaired', '--ledger.path', directory])).toMatchObject({ code: 0 });
    vi.advanceTimersByTime(LOOK_MS);
    await eventually(
      'the repair is noticed',
      () => ledger.view.repairs().length === 1 || undefined,
    );
  });
});
