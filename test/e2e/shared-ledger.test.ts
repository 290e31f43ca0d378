// Collectors that share a ledger in PostgreSQL, as processes.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect } from 'vitest';

import { run } from '../support/daemon/program.ts';
import { type Daemon, type Scrape, startDaemon } from '../support/daemon/running-daemon.ts';
import { crashDump } from '../support/dumps/crash-dumps.ts';
import { fixture } from '../support/dumps/fixtures.ts';
import { eventually } from '../support/system/eventually.ts';
import { type PostgresServer, postgresTool, startPostgres } from '../support/system/postgres.ts';
import { tempDir } from '../support/system/temp-dir.ts';

const TEMPLATE = readFileSync(fixture('x86_64-7.3.4.elf'));
const AWAY = 'hwerr_ledger_state{state="away"}';
const READY = 'hwerr_ledger_state{state="ready"}';
const PCI = 'hwerr_recoverable_errors_total{category="pci"}';
const DECODED = 'hwerr_dumps_decoded_total';

function addDump(directory: string, boot: number): void {
  const host = `host${String(boot % 5).padStart(3, '0')}`;
  mkdirSync(join(directory, `${boot}`));
  writeFileSync(
    join(directory, `${boot}`, 'vmcore'),
    crashDump(TEMPLATE, { boot, host, pci: boot }),
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const BOOTS = Array.from({ length: 30 }, (_, i) => i + 1);

postgresTool.describe('--ledger.url', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  const collector = (url: string, directory: string): Promise<Daemon> =>
    startDaemon(
      ['--mode=central', `--ledger.url=${url}`, '--kdump.settle=100ms', '--kdump.rescan=1s'],
      directory,
    );

  const errorsOf = (daemons: readonly Daemon[], host: string) =>
    Promise.all(daemons.map(async (one) => (await one.scrape(`/probe?target=${host}`)).get(PCI)));

  postgresTool.it(
    'collectors share the dumps of a directory, and each answers for all of them',
    async () => {
      const url = server.database();
      const [dumps, copies] = [tempDir(), tempDir()];
      for (const boot of BOOTS) addDump(dumps, boot);
      for (const boot of BOOTS.slice(0, 10)) addDump(copies, boot);
      const daemons = await Promise.all([
        collector(url, dumps),
        collector(url, dumps),
        collector(url, copies),
      ]);
      const [first, second, third] = daemons;
      const hasAll = (scrape: Scrape): boolean =>
        scrape.get('hwerr_hosts_tracked') === 5 && scrape.get('hwerr_decode_queue_length') === 0;
      // The last to be recorded are the last of somebody's.
      const decoded = async (): Promise<number> =>
        sum(await Promise.all([first, second].map(async (one) => (await one.value(DECODED)) ?? 0)));
      await first.until(hasAll);
      while ((await decoded()) < BOOTS.length) await first.until(hasAll);
      await third.until((scrape) => scrape.get(DECODED) === 10);
      expect(await decoded()).toBe(BOOTS.length);
      expect(server.sql(url, 'SELECT count(*), max(sequence) FROM crash')).toEqual(['30|30']);
      expect(server.sql(url, 'SELECT count(*) FROM claim')).toEqual(['0']);
      // One of them was through with its directory first, and the others look every two seconds.
      await eventually(
        'all of them show crashes',
        async () =>
          (await errorsOf(daemons, 'host000')).every((errors) => errors !== undefined) || undefined,
      );
      for (const rest of [0, 1, 2, 3, 4]) {
        const errors = sum(BOOTS.filter((boot) => boot % 5 === rest));
        expect(await errorsOf(daemons, `host00${rest}`)).toEqual([errors, errors, errors]);
      }
      for (const { url: address } of daemons) {
        const targets = (await (await fetch(`${address}/sd`)).json()) as unknown[];
        expect(targets).toHaveLength(5);
        expect((await fetch(`${address}/probe?target=nobody`)).status).toBe(404);
        expect(await (await fetch(`${address}/`)).text()).toContain('host004');
      }
      const { stdout } = await run(['crashes', '--json', `--ledger.url=${url}`]);
      expect(stdout.trim().split('\n')).toHaveLength(30);
      const repaired = await run(['repaired', '--host=host001'], { HWERR_LEDGER_URL: url });
      expect([repaired.code, repaired.stdout]).toEqual([
        0,
        expect.stringMatching(/^repair of host001 recorded/),
      ]);
      const recent = await first.scrape('/probe?target=host001');
      expect(recent.get('hwerr_recent_suspect_crashes{category="pci"}')).toBe(0);
      // Another one knows them all without decoding any.
      const late = await collector(url, dumps);
      await late.until((scrape) => scrape.get('hwerr_dumps_present{state="complete"}') === 30);
      expect(await late.value(DECODED)).toBe(0);
    },
  );

  postgresTool.it(
    'while the database is away it shows what it knew and says so, and goes on by itself',
    async () => {
      const own = await startPostgres();
      try {
        const url = own.database();
        const dumps = tempDir();
        addDump(dumps, 1);
        const daemon = await collector(url, dumps);
        await daemon.until((scrape) => scrape.get(DECODED) === 1);
        await daemon.until((scrape) => scrape.get(READY) === 1);
        expect(await errorsOf([daemon], 'host001')).toEqual([1]);
        const ready = async (): Promise<number> => (await fetch(`${daemon.url}/-/ready`)).status;
        const page = async (): Promise<string> => (await fetch(`${daemon.url}/`)).text();
        expect([await ready(), await page()]).toEqual([200, expect.stringContaining('host001')]);
        await own.kill();
        await daemon.until((scrape) => scrape.get(AWAY) === 1);
        addDump(dumps, 6);
        expect(await ready()).toBe(503);
        expect(await errorsOf([daemon], 'host001')).toEqual([1]);
        expect(await page()).toContain('host001');
        expect((await fetch(`${daemon.url}/probe?target=host009`)).status).toBe(503);
        // One that starts meanwhile knows nothing, which is not 0.
        const late = await collector(url, tempDir());
        await late.until((scrape) => scrape.get(AWAY) === 1);
        const names = [...(await late.scrape()).keys()].join(' ');
        expect(names).not.toMatch(/hwerr_(dump_decode_failures|dumps_without|hosts_tracked)/);
        await own.restart();
        await late.until((scrape) => scrape.get('hwerr_hosts_tracked') === 1);
        await late.stop();
        await daemon.until((scrape) => scrape.get(DECODED) === 2);
        // What it knew is shown where newer numbers are long in coming.
        await expect.poll(() => errorsOf([daemon], 'host001')).toEqual([7]);
        await daemon.until((scrape) => scrape.get(READY) === 1);
        expect(await ready()).toBe(200);
      } finally {
        await own.stop();
      }
    },
  );
});
