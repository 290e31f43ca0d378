import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileOutcome, type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import type { CrashReport } from '../../src/vmcore/index.ts';
import { temporaryDirectory } from '../support/daemon.ts';

let directory: string;
let ledger: Ledger;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(async () => {
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

async function reopen(
  options: { maxHosts?: number; windowSeconds?: number } = {},
): Promise<Ledger> {
  ledger = await openLedger({
    directory: join(directory, 'ledger'),
    suspectWindowSeconds: options.windowSeconds ?? 300,
    maxHosts: options.maxHosts ?? 1000,
    hostRule: { fallback: 'unknown', pattern: undefined },
    nowMs: Date.now,
    log: () => undefined,
  });
  return ledger;
}

interface ReportSpec extends Partial<CrashReport> {
  /** Errors of category pci; undefined: the dump has no counters. */
  readonly pci?: number;
  readonly lastError?: number;
}

function report({ pci, lastError, ...rest }: ReportSpec): CrashReport {
  const lastErrorTimestampSeconds = lastError ?? 1000;
  return {
    container: 'elf',
    flattened: false,
    compression: [],
    arch: 'x86_64',
    kernelRelease: '7.3.4',
    buildId: null,
    nodename: 'alpha',
    bootId: 'boot-1',
    crashTimeSeconds: 1100,
    incomplete: false,
    vmcoreinfo: 'note',
    symbolSource: null,
    layoutSource: null,
    hwerr:
      pci === undefined
        ? { kind: 'absent', reason: 'page_lost' }
        : {
            kind: 'present',
            categories: [{ category: 'pci', count: pci, lastErrorTimestampSeconds }],
          },
    panicMessage: null,
    warnings: [],
    vmcoreinfoText: 'OSRELEASE=7.3.4\nCRASHTIME=1100\n',
    debug: { pages: 0, reads: 0, bytesRead: 0 },
    ...rest,
  };
}

let files = 0;

function file(spec: ReportSpec): FileOutcome {
  const path = `/crash/${++files}/vmcore`;
  const result = { kind: 'report', report: report(spec) } as const;
  return { root: '/crash', path, version: '1', content: path, result };
}

function pci(host?: string): number | undefined {
  const summary = host === undefined ? ledger.total() : ledger.summary(host);
  return summary?.byCategory.get('pci')?.errors;
}

const LOST: ReportSpec = { bootId: null, nodename: null, incomplete: true };

describe('the ledger holds one crash', () => {
  const same: readonly [string, readonly ReportSpec[], number][] = [
    ['for two files of one boot', [{ pci: 3 }, { pci: 3 }], 3],
    ['for a snapshot and a later one', [{ pci: 3, crashTimeSeconds: null }, { pci: 5 }], 5],
    ['for a later one and a snapshot', [{ pci: 5 }, { pci: 3 }], 5],
    ['for an incomplete dump, then the complete one', [LOST, { pci: 3 }], 3],
    ['for a complete dump, then an incomplete copy', [{ pci: 3 }, LOST], 3],
    [
      'without boot ids, for VMCOREINFO in another order and padded',
      [
        { pci: 3, bootId: null },
        { pci: 3, bootId: null, vmcoreinfoText: 'CRASHTIME=1100\nOSRELEASE=7.3.4\n\0\0' },
      ],
      3,
    ],
    ['without boot ids, where one does not know its host', [{ pci: 3, bootId: null }, LOST], 3],
  ];
  it.each(same)('%s', async (_name, specs, errors) => {
    await reopen();
    for (const spec of specs) await ledger.record(file(spec));
    expect([ledger.total().crashes, pci()]).toEqual([1, errors]);
    await ledger.close();
    await reopen();
    expect([ledger.total().crashes, pci()]).toEqual([1, errors]);
    expect(ledger.total().byCategory.get('pci')?.suspectCrashes).toBe(1);
  });
});

describe('the ledger holds two crashes', () => {
  const two: readonly [string, ReportSpec, ReportSpec][] = [
    ['of two boots in the same second', { pci: 1 }, { pci: 2, bootId: 'boot-2' }],
    [
      'of two hosts without boot ids, with one VMCOREINFO',
      { pci: 1, bootId: null },
      { pci: 2, bootId: null, nodename: 'beta' },
    ],
    [
      'of one host without boot ids, a second apart',
      { pci: 1, bootId: null },
      { pci: 2, bootId: null, vmcoreinfoText: 'OSRELEASE=7.3.4\nCRASHTIME=1101\n' },
    ],
  ];
  it.each(two)('%s', async (_name, a, b) => {
    await reopen();
    await Promise.all([ledger.record(file(a)), ledger.record(file(b))]);
    expect([ledger.total().crashes, pci()]).toEqual([2, 3]);
  });
});

it('sums are kept by host up to the limit, and in total beyond it', async () => {
  await reopen({ maxHosts: 2 });
  for (const nodename of ['alpha', 'beta', 'gamma', 'alpha']) {
    await ledger.record(file({ pci: 1, nodename, bootId: `${nodename}${files}` }));
  }
  for (let start = 0; start < 2; start++) {
    expect(ledger.hosts()).toEqual(['alpha', 'beta']);
    expect([pci('alpha'), pci('beta'), pci('gamma'), pci()]).toEqual([2, 1, undefined, 4]);
    expect(ledger.hostCounts()).toEqual({ tracked: 2, limit: 2, dropped: 1 });
    await ledger.close();
    await reopen({ maxHosts: 2 });
  }
});

it('a host name out of a dump is only what a host name may be', async () => {
  await reopen();
  await ledger.record(file({ pci: 1, nodename: 'a"}\n\u0000{x' + 'y'.repeat(100) }));
  await ledger.record(file({ pci: 1, nodename: '', bootId: 'other' }));
  expect(ledger.hosts().map((host) => host.slice(0, 8))).toEqual([
    'a"}\n\0{x'.replace(/[^\w]/g, '_') + 'y',
    'unknown',
  ]);
});

it('another suspect window is applied to the crashes that are known', async () => {
  await reopen({ windowSeconds: 99 });
  await ledger.record(file({ pci: 1, lastError: 1000 }));
  expect(ledger.total().byCategory.get('pci')?.suspectCrashes).toBe(0);
  await ledger.close();
  await reopen({ windowSeconds: 100 });
  expect(ledger.total().byCategory.get('pci')?.suspectCrashes).toBe(1);
});

describe('a damaged ledger is set aside', () => {
  const damages: readonly [string, (path: string) => void][] = [
    [
      'when it is cut off',
      (path) => {
        truncateSync(path, 12_288);
      },
    ],
    [
      'when it ends in its header',
      (path) => {
        truncateSync(path, 100);
      },
    ],
    [
      'when it is something else',
      (path) => {
        writeFileSync(path, Buffer.alloc(100_000, 'x'));
      },
    ],
    [
      'when a record does not match its checksum',
      (path) => {
        const bytes = readFileSync(path);
        for (let at = bytes.indexOf('"boot-1"'); at >= 0; at = bytes.indexOf('"boot-1"', at + 1)) {
          bytes.write('"boot-7"', at);
        }
        writeFileSync(path, bytes);
      },
    ],
  ];
  it.each(damages)('%s, and a new one is begun', async (_name, damage) => {
    await reopen();
    for (let i = 0; i < 20; i++) await ledger.record(file({ pci: 1, bootId: `boot-${i}` }));
    await ledger.close();
    damage(join(directory, 'ledger', 'data.mdb'));
    await reopen();
    expect(ledger.setAside).toBe(1);
    expect(readdirSync(join(directory, 'ledger')).join()).toMatch(/damaged-.*\.mdb/);
    await ledger.record(file({ pci: 2 }));
    expect([ledger.state.kind, ledger.total().crashes]).toEqual(['ready', 1]);
  });
});

describe.skipIf(process.getuid?.() !== 0)(
  'on a file system of its own [needs root for tmpfs]',
  () => {
    const remount = (options: string): void => {
      execFileSync('mount', ['-o', `remount,${options}`, directory]);
    };

    beforeEach(() => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', directory]);
    });

    afterEach(async () => {
      await ledger.close();
      execFileSync('umount', ['-l', directory]);
    });

    it('shows nothing that is not durable while the disk is full, and goes on once it is not', async () => {
      await reopen();
      await ledger.record(file({ pci: 1, bootId: 'first' }));
      const filler = join(directory, 'filler');
      let shown = 0;
      const settled: Promise<void>[] = [];
      const big = { warnings: Array.from({ length: 20 }, () => 'w'.repeat(500)) };
      expect(() => {
        writeFileSync(filler, Buffer.alloc(32 * 2 ** 20));
      }).toThrow('ENOSPC');
      for (let i = 0; i < 1000; i++) {
        settled.push(
          ledger.record(file({ pci: 1, bootId: `boot-${i}`, ...big })).then(() => {
            shown++;
          }),
        );
      }
      const deadline = Date.now() + 15_000;
      while (ledger.state.kind === 'ready' && Date.now() < deadline) await sleep(20);
      expect(ledger.state.kind).toBe('full');
      expect(ledger.writeFailures).toBeGreaterThan(0);
      const durable = ledger.total().crashes;
      expect(durable).toBe(shown + 1);
      expect(durable).toBeLessThan(1001);
      await ledger.close();
      await reopen();
      expect(ledger.total().crashes).toBe(durable);
    });

    it('recovers by itself when there is room again', async () => {
      await reopen();
      const filler = join(directory, 'filler');
      expect(() => {
        writeFileSync(filler, Buffer.alloc(32 * 2 ** 20));
      }).toThrow('ENOSPC');
      const big = { warnings: Array.from({ length: 20 }, () => 'w'.repeat(500)) };
      const all = Array.from({ length: 1000 }, (_, i) =>
        ledger.record(file({ pci: 1, bootId: `boot-${i}`, ...big })),
      );
      const deadline = Date.now() + 15_000;
      while (ledger.state.kind === 'ready' && Date.now() < deadline) await sleep(20);
      expect(ledger.state.kind).toBe('full');
      expect(ledger.total().crashes).toBeLessThan(1000);
      rmSync(filler);
      remount('size=100m');
      await Promise.all(all);
      expect([ledger.state.kind, ledger.total().crashes, pci()]).toEqual(['ready', 1000, 1000]);
    });

    it('begins where there is no room for a ledger at all, and makes one later', async () => {
      expect(() => {
        writeFileSync(join(directory, 'filler'), Buffer.alloc(32 * 2 ** 20));
      }).toThrow();
      await reopen();
      expect(ledger.state.kind).toBe('full');
      const recorded = ledger.record(file({ pci: 1 }));
      rmSync(join(directory, 'filler'));
      await recorded;
      expect([ledger.state.kind, ledger.total().crashes]).toEqual(['ready', 1]);
    });

    it('shows what it knows of a ledger that is read-only, and writes when it may', async () => {
      mkdirSync(join(directory, 'ledger'));
      await reopen();
      await ledger.record(file({ pci: 3, bootId: 'first' }));
      await ledger.close();
      remount('ro');
      await reopen();
      expect([ledger.state.kind, ledger.total().crashes, pci()]).toEqual(['read_only', 1, 3]);
      const recorded = ledger.record(file({ pci: 4, bootId: 'second' }));
      await sleep(700);
      expect(ledger.total().crashes).toBe(1);
      remount('rw');
      await recorded;
      expect([ledger.state.kind, ledger.total().crashes, pci()]).toEqual(['ready', 2, 7]);
    });
  },
);
