// How a shared ledger's database is reached: TLS, certificates and passwords as libpq users have them, and
// through a pooler.

import { chownSync, chmodSync, copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { type Ledger, openLedgerOf } from '../../dist/ledger/ledger.js';
import { checkShared } from '../../dist/ledger/postgres-commands.js';
import { PostgresEngine } from '../../dist/ledger/postgres-engine.js';
import type { PostgresView } from '../../dist/ledger/postgres-view.js';
import { openssl, selfSigned } from '../support/daemon/certificates.ts';
import { recordReport } from '../support/daemon/ledgers.ts';
import { memoryLog } from '../support/daemon/logger.ts';
import { crashReport } from '../support/dumps/crash-reports.ts';
import { AS_NOBODY } from '../support/system/as-nobody.ts';
import { pgbouncerTool, startPgbouncer } from '../support/system/pgbouncer.ts';
import { type PostgresServer, postgresTool, startPostgres } from '../support/system/postgres.ts';
import { tempDir } from '../support/system/temp-dir.ts';

async function start(settings: readonly string[], tcp?: string): Promise<PostgresServer> {
  const server = await startPostgres(settings, tcp);
  onTestFinished(() => server.stop());
  return server;
}

/** @param host what the URL names. */
function reached(url: string, host: string, more: string): string {
  return `${url.replace('127.0.0.1', host)}?${more}`;
}

postgresTool.describe('the database of a shared ledger', () => {
  openssl.describe('over TLS', () => {
    /** Certificates in a folder, and the settings of a server that shows the one of `localhost`. */
    function withCertificates(...names: readonly string[]): readonly [string, readonly string[]] {
      const folder = tempDir();
      for (const name of ['localhost', ...names]) selfSigned(folder, name, 'DNS:localhost');
      const { uid, gid } = AS_NOBODY;
      chmodSync(folder, 0o755);
      for (const name of readdirSync(folder)) {
        if (uid !== undefined && gid !== undefined) chownSync(join(folder, name), uid, gid);
      }
      const [cert, key] = ['crt', 'key'].map((kind) => join(folder, `localhost.${kind}`));
      return [folder, ['ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`]];
    }

    it('is checked as sslmode says', async () => {
      const [folder, settings] = withCertificates('other');
      const server = await start(settings, 'hostssl all all all trust');
      const url = server.database();
      const [right, wrong] = ['localhost', 'other'].map(
        (name) => `sslrootcert=${join(folder, `${name}.crt`)}`,
      );
      const by = (host: string, more: string): Promise<string> =>
        checkShared(reached(url, host, more));
      const isUsed = expect.stringMatching(/^postgres:\/\/\S+$/) as string;
      expect(await by('localhost', `sslmode=verify-full&${right}`)).toEqual(isUsed);
      expect(await by('127.0.0.1', `sslmode=verify-ca&${right}`)).toEqual(isUsed);
      expect(await by('127.0.0.1', 'sslmode=require')).toEqual(isUsed);
      for (const [host, more, why] of [
        ['127.0.0.1', `sslmode=verify-full&${right}`, /does not match certificate/],
        ['localhost', `sslmode=verify-full&${wrong}`, /self-signed certificate/],
        ['localhost', 'sslmode=verify-full', /self-signed certificate/],
        ['localhost', `sslmode=require&${wrong}`, /self-signed certificate/],
        ['localhost', 'sslmode=verify-full&sslrootcert=/none', /no such file.*\/none/],
        ['localhost', '', /no encryption/],
      ] as const) {
        const refused = { problem: 'away', message: expect.stringMatching(why) as string };
        await expect(by(host, more), `${host} ${more}`).rejects.toMatchObject(refused);
      }
    });

    it('is not used where the server has none', async () => {
      const server = await start([]);
      await expect(
        checkShared(reached(server.database(), 'localhost', 'sslmode=require')),
      ).rejects.toMatchObject({ problem: 'away' });
    });

    it('lets a collector in by its certificate, also by one that was renewed', async () => {
      const [folder, settings] = withCertificates('collector', 'stranger');
      const at = (name: string): string => join(folder, name);
      const server = await start(
        [...settings, `ssl_ca_file=${at('collector.crt')}`],
        'hostssl all all all cert',
      );
      const use = (name: string): void => {
        for (const kind of ['crt', 'key']) copyFileSync(at(`${name}.${kind}`), at(`own.${kind}`));
      };
      use('stranger');
      const own = `sslcert=${at('own.crt')}&sslkey=${at('own.key')}`;
      const url = reached(server.database(), 'localhost', `sslmode=require&${own}`);
      const ledger = await collector(url);
      expect(ledger.state.kind).toBe('away');
      use('collector');
      await expect.poll(() => ledger.state.kind).toBe('ready');
    });
  });

  describe('with a password', () => {
    it('in a file is found by the line that is for it', async () => {
      const server = await start([], 'host all all all scram-sha-256');
      const url = server.database();
      const [user, database] = ['collector', new URL(url).pathname.slice(1)];
      const socket = `postgres:///${database}?host=${server.folder}&port=${server.port}&user=${user}`;
      server.sql(socket, String.raw`ALTER ROLE collector PASSWORD 'a:b\c'`);
      const file = join(tempDir(), 'passfile');
      vi.stubEnv('PGPASSFILE', file);
      onTestFinished(() => {
        vi.unstubAllEnvs();
      });
      const write = (line: string, mode = 0o600): void => {
        writeFileSync(file, `# a comment\n\n127.0.0.1:1:*:*:other\n${line}\n`);
        chmodSync(file, mode);
      };
      const password = String.raw`a\:b\\c`;
      await expect(checkShared(url)).rejects.toThrow(/the password is missing: .*no such file/);
      write(`127.0.0.1:${server.port}:${database}:somebody:${password}`);
      await expect(checkShared(url)).rejects.toThrow(
        `has no line for 127.0.0.1:${server.port}:${database}:${user}`,
      );
      write(`*:*:*:${user}:${password}`, 0o640);
      await expect(checkShared(url)).rejects.toThrow('others may read or write it');
      for (const line of [
        `127.0.0.1:${server.port}:${database}:${user}:${password}`,
        String.raw`127.0.0.1:*:${database}:collect\or:a:b\\c`,
        `*:*:*:${user}:${password}`,
      ]) {
        write(line);
        expect(await checkShared(url), line).toMatch(/^postgres:/);
      }
      // What the URL or the environment says comes first.
      vi.stubEnv('PGPASSWORD', 'wrong');
      await expect(checkShared(url)).rejects.toThrow('password authentication failed');
      expect(await checkShared(url.replace('@', ':a%3Ab%5Cc@'))).toMatch(/^postgres:/);
    });
  });

  pgbouncerTool.describe('behind pgbouncer', () => {
    it.each(['session', 'transaction'] as const)('that pools %ss counts all once', async (mode) => {
      const server = await start([]);
      const direct = server.database();
      const url = await startPgbouncer(direct, mode);
      const [one, other] = [await collector(url), await collector(url)];
      expect([one.state.kind, other.state.kind]).toEqual(['ready', 'ready']);
      const reports = Array.from({ length: 40 }, (_, i) =>
        crashReport({ bootId: `boot-${i}`, nodename: `h${i % 4}` }),
      );
      const files = reports.map((_, i) => ({ root: '/r', path: `/r/${i}`, version: '1' }));
      await Promise.all(
        [one, other].flatMap((ledger, which): Promise<unknown>[] => [
          ledger.claims!.take(files),
          ...reports.map((report, i) => recordReport(ledger, report, `/${which}/${i}`)),
          ...reports.map((_, i) => ledger.view.hostTotals(`h${i % 4}`)),
        ]),
      );
      for (const { view } of [one, other]) {
        for (const host of ['h0', 'h1', 'h2', 'h3']) {
          expect((await view.hostTotals(host))?.crashes, host).toBe(10);
        }
      }
      expect(server.sql(direct, 'SELECT count(*), max(sequence) FROM crash')).toEqual(['40|40']);
      expect(server.sql(direct, 'SELECT count(*) FROM claim')).toEqual(['40']);
      // What was set for a transaction stays with nobody.
      expect(server.sql(url, 'SHOW statement_timeout')).toEqual(['0']);
    });
  });
});

async function collector(url: string): Promise<Ledger<PostgresView>> {
  const options = {
    suspectWindowSeconds: 300,
    maxHosts: 1000,
    hostRule: { fallback: 'unknown', pattern: undefined },
    nowMs: Date.now,
    log: memoryLog().log,
  };
  const ledger = await openLedgerOf(new PostgresEngine(url, options), options);
  onTestFinished(() => ledger.close());
  return ledger;
}
