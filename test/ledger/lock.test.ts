import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { lockLedger } from '../../src/ledger/lock.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { eventually } from '../support/system/eventually.ts';
import { openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { run } from '../support/daemon/program.ts';
import { startDaemon } from '../support/daemon/running-daemon.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

function socketOf(directory: string): string {
  return join(directory, 'daemon.sock');
}

it('one has the lock at a time, and lets go of it', async () => {
  const directory = tempDir();
  const first = await lockLedger(directory);
  await expect(lockLedger(directory)).rejects.toMatchObject({ problem: 'busy' });
  await first.release();
  expect(existsSync(socketOf(directory))).toBe(false);
  const second = await lockLedger(directory);
  await second.release();
});

it('is held by talkative neighbours no longer than by others', async () => {
  const directory = tempDir();
  const lock = await lockLedger(directory);
  const guest = connect(socketOf(directory));
  await new Promise((resolve) => guest.once('connect', resolve));
  await lock.release();
  await (await lockLedger(directory)).release();
});

it('works where the directory has a longer path than a socket may have', async () => {
  const directory = join(tempDir(), ...Array.from({ length: 5 }, () => 'd'.repeat(60)));
  mkdirSync(directory, { recursive: true });
  const lock = await lockLedger(directory);
  expect(statSync(socketOf(directory)).isSocket()).toBe(true);
  await expect(lockLedger(directory)).rejects.toMatchObject({ problem: 'busy' });
  await lock.release();
  expect(existsSync(socketOf(directory))).toBe(false);
});

it('takes the place of what is no socket', async () => {
  const directory = tempDir();
  writeFileSync(socketOf(directory), '');
  const lock = await lockLedger(directory);
  expect(statSync(socketOf(directory)).isSocket()).toBe(true);
  await lock.release();
});

it.skipIf(process.geteuid?.() !== 0)(
  'does not take a socket that it may not use for one that nobody uses [needs root]',
  async () => {
    const directory = tempDir();
    const lock = await lockLedger(directory);
    chmodSync(directory, 0o777);
    chmodSync(socketOf(directory), 0o700);
    await asNobody(async () => {
      await expect(lockLedger(directory)).rejects.toMatchObject({ problem: 'read_only' });
    });
    expect(existsSync(socketOf(directory))).toBe(true);
    await lock.release();
  },
);

it('a second daemon refuses to start, also while the first is stopped', async () => {
  const ledger = join(tempDir(), 'ledger');
  const flags = ['--ledger.path', ledger, '--kdump.path', tempDir()];
  const daemon = await startDaemon(flags);
  const second = ['serve', ...flags, '--web.listen-address', '127.0.0.1:0'];
  const refused = {
    code: 1,
    stderr: expect.stringContaining('another hwerr-exporter works') as string,
  };
  expect(await run(second)).toMatchObject(refused);
  daemon.child.kill('SIGSTOP');
  expect(await run(second)).toMatchObject(refused);
  daemon.child.kill('SIGCONT');
  expect(await run(['textfile', '--out', join(ledger, 'x.prom'), ...flags])).toMatchObject(refused);
  expect((await fetch(`${daemon.url}/-/healthy`)).status).toBe(200);
});

it('a daemon that was killed leaves no lock behind', async () => {
  const ledger = join(tempDir(), 'ledger');
  const first = await startDaemon(['--ledger.path', ledger]);
  expect(await first.stop('SIGKILL')).toBeNull();
  expect(existsSync(socketOf(ledger))).toBe(true);
  const second = await startDaemon(['--ledger.path', ledger]);
  expect(await second.stop()).toBe(0);
  expect(existsSync(socketOf(ledger))).toBe(false);
});

it('a ledger that another daemon took over is not written to, and not taken back', async () => {
  const directory = join(tempDir(), 'ledger');
  const first = await openTestLedger({ directory });
  await recordReport(first, crashReport({ bootId: 'a' }));
  rmSync(socketOf(directory)); // by somebody who thought it to be stale
  const second = await openTestLedger({ directory });
  await recordReport(second, crashReport({ bootId: 'b' }));
  void recordReport(first, crashReport({ bootId: 'c' }));
  await eventually('the first one notices', () => first.state.kind === 'busy' || undefined);
  // What comes later must not wake it again.
  void recordReport(first, crashReport({ bootId: 'd' }));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect([first.state.kind, first.view.total().crashes]).toEqual(['busy', 2]);
  await recordReport(second, crashReport({ bootId: 'e' }));
  expect([second.state.kind, second.view.total().crashes]).toEqual(['ready', 3]);
  expect(Array.from(second.view.crashes(), ({ report }) => report.bootId).sort()).toEqual([
    'a',
    'b',
    'e',
  ]);
});
