import {
  copyFileSync,
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

import type { Ledger } from '../../dist/ledger/ledger.js';
import { Store, type StoreLayout, survivingRead } from '../../src/ledger/store.ts';
import { LAYOUT, type Tables } from '../../src/ledger/tables.ts';
import { failed, openTestLedger, recordReport } from '../support/daemon/ledgers.ts';
import { exitOf, start } from '../support/daemon/program.ts';
import { counted, crashReport } from '../support/dumps/crash-reports.ts';
import { tempDir } from '../support/system/temp-dir.ts';
import { eventually } from '../support/system/eventually.ts';

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

function dataFile(directory: string): string {
  return join(directory, 'data.mdb');
}

/** The next version: hosts in capitals, and a table of its own. */
const NEXT: StoreLayout<Pick<Tables, 'crashes' | 'counted'>> = {
  version: 2,
  tables: (table) => ({ crashes: table('crashes', 'number'), counted: table('notes', 'text') }),
  migrations: [
    ({ crashes, counted: notes }) => {
      for (const [key, crash] of [...crashes.entries()]) {
        crashes.put(key, { ...crash, host: crash.host.toUpperCase() });
        notes.put(crash.id, true);
      }
    },
  ],
};

function hostsIn<T extends Pick<Tables, 'crashes'>>(store: Store<T>): string[] {
  return Array.from(store.tables.crashes.entries(), ([, { host }]) => host);
}

it('the files of a ledger are for its owner and group alone', async () => {
  const directory = await written(1);
  const files = readdirSync(directory).filter((name) => name.endsWith('.mdb'));
  expect(files.sort()).toEqual(['data.mdb', 'lock.mdb']);
  for (const name of files) expect(statSync(join(directory, name)).mode & 0o027).toBe(0);
});

describe('the schema of a ledger', () => {
  it('is migrated in one step, once', async () => {
    const directory = await written(100);
    const store = Store.open(directory, 'write', NEXT);
    expect(new Set(hostsIn(store))).toEqual(new Set(['HOST-0', 'HOST-1', 'HOST-2']));
    expect(store.tables.counted.count()).toBe(100);
    store.commit(({ crashes }) => {
      crashes.put(1, { ...crashes.get(1)!, host: 'later' });
    });
    await store.close();
    const again = Store.open(directory, 'write', NEXT);
    expect(hostsIn(again)[0]).toBe('later');
    await again.close();
  });

  it('stays what it was when a migration fails in the middle', async () => {
    const directory = await written(100);
    const failing: typeof NEXT = {
      ...NEXT,
      migrations: [
        (tables) => {
          NEXT.migrations[0]!(tables);
          throw new Error('no further');
        },
      ],
    };
    expect(() => Store.open(directory, 'write', failing)).toThrow('no further');
    const ledger = await openTestLedger({ directory });
    expect(ledger.state.kind).toBe('ready');
    expect(ledger.view.hosts()).toEqual(['host-0', 'host-1', 'host-2']);
    expect(ledger.view.total().crashes).toBe(100);
  });

  it('stays what it was when the program is killed in the middle of a migration', async () => {
    const directory = await written(100);
    const script = `
      const { Store } = await import(process.argv[1]);
      Store.open(process.argv[2], 'write', {
        version: 2,
        tables: (table) => ({ crashes: table('crashes', 'number') }),
        migrations: [({ crashes }) => {
          for (const [key, crash] of [...crashes.entries()]) crashes.put(key, { ...crash, host: 'X' });
          process.kill(process.pid, 'SIGKILL');
        }],
      });`;
    const built = new URL('../../dist/ledger/store.js', import.meta.url).href;
    const child = start(['--input-type=module', '--eval', script, built, directory]);
    await exitOf(child);
    expect(child.signalCode).toBe('SIGKILL');
    const ledger = await openTestLedger({ directory });
    expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['ready', 100]);
    expect(ledger.view.hosts()).toEqual(['host-0', 'host-1', 'host-2']);
  });

  it('is not migrated by a reader', async () => {
    const directory = await written(1);
    expect(() => Store.open(directory, 'read', NEXT)).toThrow('not made or migrated yet');
  });

  it('of a later version is refused, and the ledger left alone', async () => {
    const directory = await written(3);
    await Store.open(directory, 'write', NEXT).close();
    const before = readFileSync(dataFile(directory));
    for (const access of ['write', 'read'] as const) {
      expect(() => Store.open(directory, access, LAYOUT)).toThrow(
        expect.objectContaining({ problem: 'newer' }),
      );
    }
    await expect(openTestLedger({ directory })).rejects.toMatchObject({ problem: 'newer' });
    expect(readFileSync(dataFile(directory)).equals(before)).toBe(true);
    // Whoever was refused holds nothing: the right version may have it.
    await expect(openTestLedger({ directory })).rejects.toMatchObject({ problem: 'newer' });
  });
});

describe('a reader', () => {
  it('finds no ledger where there is none, and makes none', () => {
    const directory = tempDir();
    expect(() => Store.open(directory, 'read', LAYOUT)).toThrow('there is no ledger');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('cannot write', async () => {
    const store = Store.open(await written(1), 'read', LAYOUT);
    expect(() => {
      store.commit(() => undefined);
    }).toThrow(expect.objectContaining({ problem: 'read_only' }));
    await store.close();
  });
});

describe('a damaged ledger is set aside, and a new one begun,', () => {
  /** Swap every occurrence: LMDB keeps older copies of a page. */
  const overwrite = (path: string, from: string, to: string): void => {
    const bytes = readFileSync(path);
    let found = 0;
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
      found += bytes.write(to, at);
    }
    expect(found).toBeGreaterThan(0);
    writeFileSync(path, bytes);
  };

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
      'when a crash does not match its checksum',
      (path) => {
        overwrite(path, '"boot-1"', '"boot-7"');
      },
    ],
    [
      'when the key of a mark is another',
      (path) => {
        overwrite(path, 'boot:boot-11', 'boot:boot-1~');
      },
    ],
    [
      'when a record of a counted file is another',
      (path) => {
        overwrite(path, 'corrupt:content 5', 'corrupt:content ~');
      },
    ],
  ];
  it.each(damages)('%s', async (_name, damage) => {
    const directory = await written(20);
    const before = await openTestLedger({ directory });
    for (let i = 0; i < 20; i++) {
      await before.record(failed({ reason: 'corrupt', message: '' }, { content: `content ${i}` }));
    }
    await before.close();
    damage(dataFile(directory));
    copyFileSync(dataFile(directory), join(directory, 'copy'));
    const logged: string[] = [];
    const ledger = await openTestLedger({
      directory,
      log: (level, message) => logged.push(`${level} ${message}`),
    });
    expect(logged.join()).toMatch(/^error ledger is damaged, set aside/);
    expect(ledger.setAside).toBe(1);
    const [kept] = readdirSync(directory).filter((name) => /^damaged-.*\.mdb$/.test(name));
    const same = readFileSync(join(directory, kept!)).equals(readFileSync(join(directory, 'copy')));
    expect(same).toBe(true);
    await recordReport(ledger, crashReport());
    expect([ledger.state.kind, ledger.view.total().crashes]).toEqual(['ready', 1]);
    await ledger.close();
    const reopened: Ledger = await openTestLedger({ directory });
    expect([reopened.setAside, reopened.view.total().crashes]).toEqual([1, 1]);
    rmSync(join(directory, kept!));
    await eventually('another look', () => reopened.setAside === 0 || undefined);
    expect(reopened.setAside).toBe(0);
  });

  it('when the program died reading it five times, not before', async () => {
    const directory = await written(3);
    const mark = join(directory, 'opening');
    writeFileSync(mark, '4');
    const fifth = await openTestLedger({ directory });
    expect([fifth.setAside, fifth.view.total().crashes]).toEqual([0, 3]);
    await fifth.close();
    expect(readdirSync(directory)).not.toContain('opening');
    writeFileSync(mark, '5');
    const sixth = await openTestLedger({ directory });
    expect([sixth.setAside, sixth.view.total().crashes]).toEqual([1, 0]);
    expect(readdirSync(directory)).not.toContain('opening');
  });
});

describe('survivingRead', () => {
  it('counts the deaths while it reads, and only those', async () => {
    const directory = tempDir();
    const script = `
      const { survivingRead } = await import(process.argv[1]);
      survivingRead(process.argv[2], () => process.kill(process.pid, 'SIGKILL'));`;
    const built = new URL('../../dist/ledger/store.js', import.meta.url).href;
    for (let deaths = 1; deaths <= 5; deaths++) {
      const child = start(['--input-type=module', '--eval', script, built, directory]);
      await exitOf(child);
      expect(readFileSync(join(directory, 'opening'), 'utf8')).toBe(`${deaths}`);
    }
    expect(() => survivingRead(directory, () => 1)).toThrow('died reading it, 5 times');
    expect(survivingRead(directory, () => 2)).toBe(2);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('reads where no mark can be written', () => {
    const directory = tempDir();
    mkdirSync(join(directory, 'opening'));
    expect(survivingRead(join(directory, 'none'), () => 3)).toBe(3);
  });
});

it('so many contents are remembered as failed, each new one in the place of another', async () => {
  const directory = await written(1);
  const store = Store.open(directory, 'write', LAYOUT);
  const most = 100_000;
  for (let from = 0; from < most; from += 10_000) {
    store.commit(({ counted: contents }) => {
      for (let i = from; i < from + 10_000; i++) contents.put(`corrupt:${digest(i)}`, true);
    });
  }
  await store.close();
  const ledger = await openTestLedger({ directory });
  const fail = (content: string): Promise<void> =>
    ledger.record(failed({ reason: 'corrupt', message: '' }, { content }));
  await fail(digest(7));
  expect(ledger.view.failures()).toEqual({});
  for (const content of ['f'.repeat(64), '0', '5'.repeat(64)]) {
    await fail(content);
    await fail(content);
  }
  expect(ledger.view.failures()).toEqual({ corrupt: 3 });
  await ledger.close();
  const reader = Store.open(directory, 'read', LAYOUT);
  expect(reader.tables.counted.count()).toBe(most);
  await reader.close();
});

function digest(i: number): string {
  return (i * 2654435761).toString(16).padStart(64, '0');
}
