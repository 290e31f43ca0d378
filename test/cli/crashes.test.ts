import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { crashesCommand } from '../../src/cli/crashes.ts';
import { schemaOf } from '../support/daemon/crash-schema.ts';
import { fileNumber, openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { type Ended, run } from '../support/daemon/program.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const PCI = counted({ pci: [7, 1_791_000_342] });

/** Counters with how long before the crash their last errors came. */
function withLead(leads: Readonly<Record<string, number>>): object {
  const categories = PCI.kind === 'present' ? PCI.categories : [];
  return {
    kind: 'present',
    categories: categories.map((one) => ({ ...one, leadSeconds: leads[one.category] ?? null })),
  };
}

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
  const clean =
    'No hardware error counted before the panic; the log, which would show a fatal one, is not in the dump';
  const answer = 'No counters: the dump broke off before the page with the counters';
  expect(await crashes(directory)).toEqual({
    code: 0,
    stderr: '',
    stdout: [
      `999999999999999 s after 1970  labhost  7.3.4  ${clean}  no panic line  ${id('d')}  ${fileNumber(4)}`,
      `time unknown  unknown  7.3.4  ${answer}  no panic line  ${id('c')}  /var/crash/\\x0a\\x1b]0;x/vmcore`,
      `2026-10-03 04:16:39 UTC  labhost  7.3\\x1b[2J\\x0a\\x9b\\u{202e}  ${clean}  no panic line  ${id('b')}  ${fileNumber(2)}`,
      `2026-10-03 04:05:51 UTC  labhost  7.3.4  PCI error 9 s before the panic  no panic line  ${id('a')}  ${fileNumber(1)}`,
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
  const { vmcoreinfoLines, ...rest } = report;
  expect(code).toBe(0);
  expect(stdout.endsWith('}\n')).toBe(true);
  expect(JSON.parse(stdout)).toEqual({
    ...{
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      host: 'labhost',
      recordedSeconds: 1_791_000_400,
    },
    schemaVersion: 1,
    dumps: [{ path: fileNumber(2) }, { path: fileNumber(1) }],
    ...rest,
    verdict: expect.objectContaining({
      ...{ kind: 'suspect', category: 'pci', text: 'PCI error 9 s before the panic' },
    }) as object,
    hwerr: withLead({ pci: 9 }),
    machine: null,
    signatureId: null,
  });
  expect(schemaOf('crash').safeParse(JSON.parse(stdout)).error).toBeUndefined();
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
  const check = async (): Promise<void> => {
    const before = written;
    const { code, stderr, stdout } = await crashes(directory, '--json');
    expect([code, stderr]).toEqual([0, '']);
    const ids = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { bootId: string }).bootId);
    expect(ids.length).toBeGreaterThanOrEqual(before);
    // The first that were written, whole and once: none at all where it read before the first.
    expect(new Set(ids)).toEqual(new Set(ids.map((_, i) => `boot-${i}`)));
  };
  try {
    for (let i = 0; i < 4; i++) await check();
  } finally {
    writing.on = false;
    await writer;
  }
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

it('says so when the ledger is damaged, and leaves it alone', async () => {
  const directory = tempDir();
  writeFileSync(join(directory, 'ledger.db'), Buffer.alloc(100_000, 'x'));
  const place = { ledgerPath: directory, ledgerUrl: undefined };
  await expect(crashesCommand(place, {}, () => undefined)).rejects.toMatchObject({
    problem: 'damaged',
  });
  expect(readdirSync(directory)).toEqual(['ledger.db']);
});

it('prints nothing for a ledger of nothing', async () => {
  const directory = tempDir();
  await openTestLedger({ directory });
  expect(await crashes(directory)).toEqual({ code: 0, stdout: '', stderr: '' });
});

describe('crashes that are asked for', () => {
  /** One suspect crash of host a, one of host b 30 days before it without errors. */
  async function twoCrashes(): Promise<string> {
    const directory = tempDir();
    const now = Math.floor(Date.now() / 1000);
    const ledger = await openTestLedger({ directory });
    const a = { nodename: 'a', bootId: 'a', crashTimeSeconds: now - 3600 };
    const evil = '=cmd|"/C calc"!A1\u001b[2J';
    const hwerr = counted({ pci: [1, now - 3609] });
    await recordReport(ledger, crashReport({ ...a, hwerr, panicMessage: evil }), fileNumber(1));
    const b = { nodename: 'b', bootId: 'b', crashTimeSeconds: now - 30 * 86_400 };
    await recordReport(ledger, crashReport(b), fileNumber(2));
    return directory;
  }
  const hosts = (stdout: string): string[] =>
    stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('  ')[1]!]));

  it.each<[readonly string[], readonly string[]]>([
    [[], ['a', 'b']],
    [['--host', 'b'], ['b']],
    [['--host', 'c'], []],
    [['--since', '7d'], ['a']],
    [
      ['--since', '60d'],
      ['a', 'b'],
    ],
    [['--suspect'], ['a']],
    [['--suspect', '--host', 'b'], []],
  ])('%j are those of %j', async (flags, wanted) => {
    const { stdout } = await crashes(await twoCrashes(), ...flags);
    expect(hosts(stdout)).toEqual(wanted);
  });

  it('are CSV that no spreadsheet takes for a formula', async () => {
    const { stdout } = await crashes(await twoCrashes(), '--csv');
    const [head, first, ...others] = stdout.trimEnd().split('\r\n');
    expect(head).toMatch(/^id,host,crash_time,recorded_time,kernel_release,verdict,lead_seconds,/);
    expect(first).toContain(',suspect,9,pci,,');
    expect(first).toContain(`,"'=cmd|""/C calc""!A1 [2J",`);
    expect(others).toHaveLength(1);
  });

  it('are refused when since is no duration', async () => {
    const { code, stderr } = await crashes(await twoCrashes(), '--since', 'yesterday');
    expect(code).toBe(2);
    expect(stderr).toContain('--since: got yesterday, want a duration');
  });
});
