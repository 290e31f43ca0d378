// The database file: its schema and versions, who may read it, and what becomes of a damaged one.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { MIGRATIONS } from '../../src/ledger/schema.ts';
import { change, together } from '../../src/ledger/statements.ts';
import { Store } from '../../src/ledger/store.ts';
import { StoreError } from '../../src/ledger/store-error.ts';
import { failed, openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { exitOf, start } from '../support/daemon/program.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { asNobody } from '../support/system/as-nobody.ts';
import { eventually } from '../support/system/eventually.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { needsTool } from '../support/system/tools.ts';

/** A ledger of so many crashes, written by this version and closed. */
async function written(crashes: number): Promise<string> {
  const directory = join(tempDir(), 'ledger');
  const ledger = await openTestLedger({ directory });
  const hwerr = counted({ pci: [1, 1000] });
  await Promise.all(
    Array.from({ length: crashes }, (_, i) =>
      recordReport(ledger, crashReport({ bootId: `boot-${i}`, nodename: `host-${i % 3}`, hwerr })),
    ),
  );
  await ledger.close();
  return directory;
}

function database(directory: string): string {
  return join(directory, 'ledger.db');
}

/** The next version: hosts in capitals, and a table of its own. */
const NEXT: readonly string[] = [
  ...MIGRATIONS,
  `PRAGMA defer_foreign_keys = ON;
   UPDATE host SET name = upper(name);
   UPDATE crash SET host = upper(host);
   CREATE TABLE note (crash INTEGER) STRICT;
   INSERT INTO note SELECT sequence FROM crash;`,
];

function hostsIn(directory: string): unknown[] {
  const store = Store.open(directory, 'read');
  try {
    return store.rows('SELECT DISTINCT host FROM crash ORDER BY host').map(({ host }) => host);
  } finally {
    store.close();
  }
}

function problemOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof StoreError ? error.problem : String(error);
  }
}

it('is one file when it is closed, for its owner and group alone', async () => {
  const directory = await written(1);
  expect(readdirSync(directory)).toEqual(['ledger.closed', 'ledger.db']);
  expect(statSync(database(directory)).mode & 0o777).toBe(0o640);
  const ledger = await openTestLedger({ directory });
  await recordReport(ledger, crashReport({ bootId: 'b' }));
  const files = readdirSync(directory).filter((name) => name.startsWith('ledger.db'));
  expect(files.sort()).toEqual(['ledger.db', 'ledger.db-shm', 'ledger.db-wal']);
  for (const name of files) expect(statSync(join(directory, name)).mode & 0o027).toBe(0);
});

describe('the schema of a ledger', () => {
  it('is migrated in one step, once', async () => {
    const directory = await written(100);
    Store.bringUpToDate(directory, NEXT);
    expect(hostsIn(directory)).toEqual(['HOST-0', 'HOST-1', 'HOST-2']);
    Store.bringUpToDate(directory, NEXT);
    const store = Store.open(directory, 'read');
    expect(store.row('SELECT count(*) AS notes FROM note')).toEqual({ notes: 100 });
    expect(store.version).toBe(NEXT.length);
    store.close();
  });

  it('stays what it was when a migration fails in the middle', async () => {
    const directory = await written(100);
    const failing = [...MIGRATIONS, `${NEXT.at(-1)!}; INSERT INTO nowhere VALUES (1);`];
    expect(() => {
      Store.bringUpToDate(directory, failing);
    }).toThrow('nowhere');
    const ledger = await openTestLedger({ directory });
    expect(ledger.state.kind).toBe('ready');
    expect(ledger.view.hosts()).toEqual(['host-0', 'host-1', 'host-2']);
    expect(ledger.view.total().crashes).toBe(100);
  });

  it('stays what it was when the program is killed in the middle of a migration', async () => {
    const directory = await written(100);
    const script = `
      const { Store } = await import(process.argv[1]);
      const store = Store.open(process.argv[2], 'write');
      function* killed() {
        yield [{ wants: 'changes', sql: "UPDATE crash_error SET host = 'X'", values: [] }];
        process.kill(process.pid, 'SIGKILL');
      }
      store.transaction(killed());`;
    const built = new URL('../../dist/ledger/store.js', import.meta.url).href;
    const child = start(['--input-type=module', '--eval', script, built, directory]);
    await exitOf(child);
    expect(child.signalCode).toBe('SIGKILL');
    const ledger = await openTestLedger({ directory });
    expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['ready', 100]);
    expect(ledger.view.hosts()).toEqual(['host-0', 'host-1', 'host-2']);
  });

  it('of a later version is refused, however often, and the ledger left alone', async () => {
    const directory = await written(3);
    Store.bringUpToDate(directory, NEXT);
    const before = readFileSync(database(directory));
    expect(problemOf(() => Store.openCurrent(directory))).toBe('newer');
    for (let start = 0; start < 6; start++) {
      await expect(openTestLedger({ directory })).rejects.toMatchObject({ problem: 'newer' });
    }
    expect(readFileSync(database(directory)).equals(before)).toBe(true);
    expect(readdirSync(directory).filter((name) => name.startsWith('damaged-'))).toEqual([]);
  });
});

describe('a reader', () => {
  it('finds no ledger where there is none, and makes none', () => {
    const directory = tempDir();
    expect(() => Store.open(directory, 'read')).toThrow('there is no ledger');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('cannot write', async () => {
    const store = Store.open(await written(1), 'read');
    expect(problemOf(() => store.run('DELETE FROM file'))).toBe('read_only');
    store.close();
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'may be somebody who may only read, while it is written, killed or closed [needs root]',
    async () => {
      const directory = await written(3);
      const crashes = (): unknown => {
        const store = Store.openCurrent(directory);
        try {
          return store.row('SELECT count(*) AS crashes FROM crash')?.['crashes'];
        } finally {
          store.close();
        }
      };
      chmodSync(join(directory, '..'), 0o755);
      chmodSync(directory, 0o755);
      chmodSync(database(directory), 0o644);
      await asNobody(() => {
        expect(crashes()).toBe(3);
        return Promise.resolve();
      });
      const ledger = await openTestLedger({ directory });
      await recordReport(ledger, crashReport({ bootId: 'b' }));
      await asNobody(() => {
        expect(crashes()).toBe(4);
        return Promise.resolve();
      });
      // As after a kill: the WAL holds what is not in the database yet.
      const killed = join(tempDir(), 'killed');
      cpSync(directory, killed, { recursive: true, filter: (path) => !path.endsWith('.sock') });
      await ledger.close();
      rmSync(directory, { recursive: true });
      cpSync(killed, directory, { recursive: true });
      chmodSync(directory, 0o755);
      for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o644);
      await asNobody(() => {
        expect(crashes()).toBe(4);
        return Promise.resolve();
      });
    },
  );
});

const sqlite3 = needsTool('sqlite3');

sqlite3.describe('for people with sqlite3', () => {
  const ask = (directory: string, sql: string): string[] =>
    execFileSync(sqlite3.path, [database(directory), sql], { encoding: 'utf8' })
      .trimEnd()
      .split('\n');

  it('the views answer while the daemon writes, newest first', async () => {
    const directory = join(tempDir(), 'ledger');
    const ledger = await openTestLedger({ directory, nowMs: () => 1_791_000_400_000 });
    const hwerr = counted({ pci: [7, 1_791_000_342], others: [1, 1_791_000_000] });
    await recordReport(ledger, crashReport({ hwerr, panicMessage: 'Fatal' }), '/a/vmcore');
    const lost = { kind: 'absent', reason: 'page_lost' } as const;
    const broken = { bootId: 'b', crashTimeSeconds: 1_791_000_000, hwerr: lost };
    await recordReport(ledger, crashReport(broken), '/b/vmcore');
    expect(
      ask(
        directory,
        'SELECT host, crashed_at, recorded_at, verdict, hwerr, reason, panic_message, path FROM crashes',
      ),
    ).toEqual([
      'labhost|2026-10-03 04:05:51|2026-10-03 04:06:40|suspect|present||Fatal|/a/vmcore',
      'labhost|2026-10-03 04:00:00|2026-10-03 04:06:40|unknown|absent|page_lost||/b/vmcore',
    ]);
    expect(
      ask(
        directory,
        'SELECT category, count, last_error_at, lead_seconds, suspect FROM crash_errors',
      ),
    ).toEqual([
      'cpu|0|||0',
      'cxl|0|||0',
      'memory|0|||0',
      'others|1|2026-10-03 04:00:00|351.0|0',
      'pci|7|2026-10-03 04:05:42|9.0|1',
    ]);
    expect(ask(directory, 'SELECT reason, path, message FROM failures')).toEqual([
      'page_lost|/b/vmcore|the dump gives no counters',
    ]);
    expect(ask(directory, "SELECT report_json ->> '$.buildId' FROM crashes LIMIT 1")).toEqual([
      '1fe9968467f2755292a45806719b9bba136b0cc8',
    ]);
  });
});

describe('a damaged ledger', () => {
  /** What every damage must end in: the right numbers, or a ledger set aside and none. */
  const check = async (directory: string, name: string): Promise<'right' | 'set aside'> => {
    const { log, lines } = memoryLog();
    const ledger = await openTestLedger({ directory, log });
    const { crashes, byCategory } = ledger.view.total();
    const shown = [crashes, byCategory.get('pci')?.errors, ledger.view.hosts().length];
    const walked = [...ledger.view.crashes()].length;
    await ledger.close();
    expect([ledger.state.kind, walked], name).toEqual(['ready', crashes]);
    if (ledger.setAside === 0) {
      expect(shown, name).toEqual([40, 40, 3]);
      return 'right';
    }
    expect(shown, name).toEqual([0, 0, 0]);
    expect(lines.join(), name).toMatch(/level=error msg="ledger is damaged, set aside;/);
    expect(readdirSync(directory).filter((file) => file.startsWith('damaged-'))).not.toEqual([]);
    return 'set aside';
  };

  /** A copy of a healthy ledger that `damage` has been at. */
  const damaged = (healthy: string, damage: (path: string, bytes: Buffer) => void): string => {
    const directory = join(tempDir(), 'ledger');
    mkdirSync(directory);
    copyFileSync(database(healthy), database(directory));
    const path = database(directory);
    damage(path, readFileSync(path));
    return directory;
  };

  it('is kept as it was found, and a new one begun, until somebody takes it away', async () => {
    const directory = damaged(await written(40), (path) => {
      truncateSync(path, 12_288);
    });
    const before = readFileSync(database(directory));
    const ledger = await openTestLedger({ directory });
    expect(ledger.setAside).toBe(1);
    const [kept] = readdirSync(directory).filter((name) => /^damaged-.*\.db$/.test(name));
    expect(readFileSync(join(directory, kept!)).equals(before)).toBe(true);
    await recordReport(ledger, crashReport());
    expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['ready', 1]);
    await ledger.close();
    const reopened = await openTestLedger({ directory });
    expect([reopened.setAside, reopened.view.total().crashes]).toEqual([1, 1]);
    for (const name of readdirSync(directory)) {
      if (name.startsWith('damaged-')) rmSync(join(directory, name));
    }
    await eventually('another look', () => reopened.setAside === 0 || undefined);
  });

  it('is not looked for where nobody wrote to the file since the ledger was closed', async () => {
    const swapped = async (isNoted: boolean): Promise<number> => {
      const directory = await written(40);
      const path = database(directory);
      const bytes = readFileSync(path);
      const [first, next] = [bytes.length - 8192, bytes.length - 4096];
      const pages = [bytes.subarray(0, first), bytes.subarray(next), bytes.subarray(first, next)];
      writeFileSync(path, Buffer.concat(pages));
      const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
      const closed = `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
      if (isNoted) writeFileSync(join(directory, 'ledger.closed'), closed);
      return (await openTestLedger({ directory })).setAside;
    };
    expect([await swapped(true), await swapped(false)]).toEqual([0, 1]);
  });

  it('is set aside at the first start that meets the damage, though nobody wrote to the file since it was closed', async () => {
    const directory = await written(40);
    const path = database(directory);
    const store = Store.open(directory, 'read');
    const index = `SELECT rootpage FROM sqlite_schema WHERE name = 'crash_error_of_category'`;
    const page = Number(store.row(index)?.['rootpage']);
    store.close();
    const bytes = readFileSync(path).fill(0xff, (page - 1) * 4096, page * 4096);
    writeFileSync(path, bytes);
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    writeFileSync(join(directory, 'ledger.closed'), `${ino} ${size} ${mtimeNs} ${ctimeNs}`);
    const ledger = await openTestLedger({ directory, showsTotal: true });
    expect([ledger.setAside, ledger.state.kind, ledger.view.total().crashes]).toEqual([
      ...[1, 'ready', 0],
    ]);
    await recordReport(ledger, crashReport());
    expect(ledger.view.total().crashes).toBe(1);
  });

  it('is set aside where a crash that is shown has a report that is none', async () => {
    const directory = await written(40);
    const store = Store.open(directory, 'write');
    store.run(`UPDATE crash SET report_json = '{'`);
    store.close();
    const ledger = await openTestLedger({ directory, showsTotal: true });
    expect([ledger.setAside, ledger.view.total().crashes]).toEqual([1, 0]);
  });

  it('has the right numbers or is set aside, whichever byte of its header is another', async () => {
    const healthy = await written(40);
    const ends = new Map<string, number>();
    for (let at = 0; at < 100; at++) {
      const directory = damaged(healthy, (path, bytes) => {
        bytes[at]! ^= 0xff;
        writeFileSync(path, bytes);
      });
      const end = await check(directory, `byte ${at}`);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      rmSync(directory, { recursive: true });
    }
    expect(ends.get('set aside')).toBeGreaterThan(10);
    expect(ends.get('right')).toBeGreaterThan(10);
  });

  it.each<[string, (pages: Buffer[], at: number) => Buffer[]]>([
    ['is zeros', (pages, at) => pages.toSpliced(at, 1, Buffer.alloc(4096))],
    [
      'is in the place of the next one',
      (pages, at) => pages.toSpliced(at, 2, pages[at + 1] ?? Buffer.alloc(0), pages[at]!),
    ],
    ['is where it ends', (pages, at) => pages.slice(0, at)],
  ])('has the right numbers or is set aside, whichever page %s', async (_name, damage) => {
    const healthy = await written(40);
    const bytes = readFileSync(database(healthy));
    const pages = Array.from({ length: bytes.length / 4096 }, (_, i) =>
      bytes.subarray(4096 * i, 4096 * (i + 1)),
    );
    expect(pages.length).toBeGreaterThan(20);
    let setAside = 0;
    for (let at = 0; at < pages.length; at++) {
      const directory = damaged(healthy, (path) => {
        writeFileSync(path, Buffer.concat(damage([...pages], at)));
      });
      setAside += (await check(directory, `page ${at}`)) === 'set aside' ? 1 : 0;
      rmSync(directory, { recursive: true });
    }
    // The pages of tables that are empty are all the same.
    expect(setAside).toBeGreaterThan(pages.length / 2);
  });

  it('is set aside with a WAL of another ledger, and one that lost its database', async () => {
    const other = join(tempDir(), 'ledger');
    const writer = await openTestLedger({ directory: other });
    await recordReport(writer, crashReport({ bootId: 'elsewhere', nodename: 'elsewhere' }));
    const wal = readFileSync(`${database(other)}-wal`);
    await writer.close();
    expect(wal.length).toBeGreaterThan(4096);
    const directory = damaged(await written(40), (path) => {
      writeFileSync(`${path}-wal`, wal);
    });
    expect(await check(directory, 'WAL of another')).toBe('set aside');
    const lost = damaged(await written(40), (path) => {
      writeFileSync(`${path}-wal`, wal);
      rmSync(path);
    });
    expect(await check(lost, 'WAL without a database')).toBe('set aside');
  });

  it('is none when only the index of its WAL was lost', async () => {
    const source = await written(39);
    const ledger = await openTestLedger({ directory: source });
    const report = crashReport({ bootId: 'last', nodename: 'host-0' });
    await recordReport(ledger, { ...report, hwerr: counted({ pci: [1, 1000] }) });
    const directory = join(tempDir(), 'ledger');
    mkdirSync(directory);
    for (const suffix of ['', '-wal']) {
      copyFileSync(`${database(source)}${suffix}`, `${database(directory)}${suffix}`);
    }
    await ledger.close();
    expect(await check(directory, 'no -shm')).toBe('right');
  });

  it('is not one that may not be read: the start is refused, with one sentence', async () => {
    const directory = await written(3);
    rmSync(database(directory));
    mkdirSync(database(directory));
    await expect(openTestLedger({ directory })).rejects.toThrow('ledger.db');
    expect(readdirSync(directory)).toEqual(['ledger.closed', 'ledger.db']);
  });
});

it('a ledger of 0.1.0 is named in the log and left alone', async () => {
  const directory = tempDir();
  const old = join(directory, 'data.mdb');
  writeFileSync(old, 'of LMDB');
  const { log, lines } = memoryLog();
  const ledger = await openTestLedger({ directory, log });
  expect(lines.join()).toContain(
    `level=warn msg="ledger of version 0.1.0 is left alone" path=${old}`,
  );
  expect(ledger.state.kind).toBe('ready');
  expect(readFileSync(old, 'utf8')).toBe('of LMDB');
});

it('so many contents are remembered as failed, each new one in the place of another', async () => {
  const directory = await written(1);
  const store = Store.open(directory, 'write');
  const max = 100_000;
  const remembered = Array.from({ length: max }, (_, i) =>
    change(`INSERT INTO failure VALUES (NULL, 'corrupt', ?, '', NULL, '', 0)`, [digest(i)]),
  );
  const total = change(`INSERT INTO failure_total VALUES ('corrupt', ?)`, [max]);
  store.transaction(together([...remembered, total]));
  store.close();
  const ledger = await openTestLedger({ directory });
  const fail = (content: string): Promise<void> =>
    ledger.record(failed({ reason: 'corrupt', message: '' }, { content }));
  await fail(digest(7));
  expect(ledger.view.failures()).toEqual({ corrupt: max });
  for (const content of ['f'.repeat(64), '0', '5'.repeat(64)]) {
    await fail(content);
    await fail(content);
  }
  expect(ledger.view.failures()).toEqual({ corrupt: max + 3 });
  await ledger.close();
  const reader = Store.open(directory, 'read');
  expect(reader.row('SELECT count(*) AS rows FROM failure')).toEqual({ rows: max });
  reader.close();
});

function digest(i: number): string {
  return (i * 2654435761).toString(16).padStart(64, '0');
}
