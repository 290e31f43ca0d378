import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { crashesCommand } from '../../src/cli/crashes.ts';
import { fileNumber, openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { type Ended, run } from '../support/daemon/program.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const PCI = counted({ pci: [7, 1_791_000_342] });

function crashes(directory: string, ...args: readonly string[]): Promise<Ended> {
  return run(['crashes', '--ledger.path', directory, ...args]);
}

it('prints one line a crash, the newest first, and nothing a terminal would obey', async () => {
  const directory = tempDir();
  const ledger = await openTestLedger({ directory });
  await recordReport(ledger, crashReport({ bootId: 'a', hwerr: PCI }), fileNumber(1));
  const later = { crashTimeSeconds: 1_791_000_999, kernelRelease: '7.3\u001b[2J\n\u009b\u202e' };
  await recordReport(ledger, crashReport({ bootId: 'b', ...later }), fileNumber(2));
  const lost = { kind: 'absent', reason: 'page_lost' } as const;
  const undated = crashReport({ bootId: 'c', nodename: null, crashTimeSeconds: null, hwerr: lost });
  await recordReport(ledger, undated, '/var/crash/\n\u001b]0;x/vmcore');
  const far = { crashTimeSeconds: 999_999_999_999_999 };
  await recordReport(ledger, crashReport({ bootId: 'd', ...far }), fileNumber(4));
  const id = (boot: string): string | undefined =>
    [...ledger.view.crashes()].find(({ report }) => report.bootId === boot)?.id;
  const zeros = 'cpu 0, memory 0, pci 0, cxl 0, others 0';
  expect(await crashes(directory)).toEqual({
    code: 0,
    stderr: '',
    stdout: [
      `999999999999999 s after 1970  labhost  7.3.4  ${zeros}  ${id('d')}  ${fileNumber(4)}`,
      `time unknown  unknown  7.3.4  no counters: page_lost  ${id('c')}  /var/crash/\\x0a\\x1b]0;x/vmcore`,
      `2026-10-03 04:16:39 UTC  labhost  7.3\\x1b[2J\\x0a\\x9b\\u{202e}  ${zeros}  ${id('b')}  ${fileNumber(2)}`,
      `2026-10-03 04:05:51 UTC  labhost  7.3.4  cpu 0, memory 0, pci 7, cxl 0, others 0  ${id('a')}  ${fileNumber(1)}`,
      '',
    ].join('\n'),
  });
});

it('prints one JSON object a line with --json, what decode prints and what the ledger adds', async () => {
  const directory = tempDir();
  const ledger = await openTestLedger({ directory, nowMs: () => 1_791_000_400_000 });
  const report = crashReport({ hwerr: PCI });
  await recordReport(ledger, report, fileNumber(1));
  await recordReport(ledger, report, fileNumber(2));
  const { stdout, code } = await crashes(directory, '--json');
  const { vmcoreinfoDigest, ...rest } = report;
  expect(code).toBe(0);
  expect(stdout.endsWith('}\n')).toBe(true);
  expect(JSON.parse(stdout)).toEqual({
    ...{
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      host: 'labhost',
      recordedSeconds: 1_791_000_400,
    },
    files: [fileNumber(2), fileNumber(1)],
    ...rest,
  });
});

it('reads a whole ledger while it is written', async () => {
  const directory = tempDir();
  const ledger = await openTestLedger({ directory });
  let written = 0;
  const writing = { on: true };
  const writer = (async (): Promise<void> => {
    while (writing.on) {
      await recordReport(ledger, crashReport({ bootId: `boot-${written}`, hwerr: PCI }));
      written++;
    }
  })();
  for (let i = 0; i < 4; i++) {
    const before = written;
    const { code, stderr, stdout } = await crashes(directory, '--json');
    expect([code, stderr]).toEqual([0, '']);
    const ids = stdout
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { bootId: string }).bootId);
    expect(new Set(ids).size).toBe(ids.length);
    // All that was there before, and of the rest those that came first.
    expect(ids.length).toBeGreaterThanOrEqual(before);
    expect(ids).toContain(`boot-${Math.max(0, ids.length - 1)}`);
  }
  writing.on = false;
  await writer;
  expect(written).toBeGreaterThan(0);
});

it('says so when there is no ledger, and makes none', async () => {
  const missing = join(tempDir(), 'ledger');
  expect(await crashes(missing)).toEqual({
    code: 1,
    stdout: '',
    stderr: `hwerr-exporter: ${missing}: there is no ledger\n`,
  });
  mkdirSync(missing);
  expect((await crashes(missing)).stderr).toContain('there is no ledger');
});

it('says so when the ledger is damaged, and leaves it alone', () => {
  const directory = tempDir();
  writeFileSync(join(directory, 'ledger.db'), Buffer.alloc(100_000, 'x'));
  expect(() => {
    crashesCommand(directory, false, () => undefined);
  }).toThrow(expect.objectContaining({ problem: 'damaged' }));
  expect(readdirSync(directory)).toEqual(['ledger.db']);
});

it('prints nothing for a ledger of nothing', async () => {
  const directory = tempDir();
  await openTestLedger({ directory });
  expect(await crashes(directory)).toEqual({ code: 0, stdout: '', stderr: '' });
});
